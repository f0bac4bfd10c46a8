//! Requests a second through nginx with forward-auth, and through the same nginx without: their ratio.
//! `cargo bench -p tower-descope-proxies`.
//!
//! Clients, nginx, the service and the application share this machine, so the ratio is that of the work of
//! all of them. `PAIRS` says how often both are measured, in turns; ten times by default.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench: what cannot go on ends, with a message"
)]

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use tower_descope_proxies::{Change, Kind, Request, Setup, World};

const PROGRAM: &str = env!("CARGO_BIN_EXE_forward_auth");

const CLIENTS: usize = 16;
const SPAN: Duration = Duration::from_secs(2);

/// How many requests a second are answered, with some clients that each ask one after the other.
fn requests_a_second(port: u16, request: &[u8]) -> f64 {
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let request = request.to_vec();
            thread::spawn(move || {
                let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                let (mut stream, mut answered) = (connect(), 0_u32);
                while begun.elapsed() < SPAN {
                    stream.write_all(&request).unwrap();
                    // nginx ends a connection after its thousandth request.
                    if !read_answer(&mut stream) {
                        stream = connect();
                    }
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let answered = clients.into_iter().map(|client| client.join().unwrap());
    f64::from(answered.sum::<u32>()) / begun.elapsed().as_secs_f64()
}

/// Reads an answer of which the body is known; false if it is the connection's last.
fn read_answer(stream: &mut TcpStream) -> bool {
    let (mut had, mut buffer) = (Vec::new(), [0; 4_096]);
    while !had.ends_with(b"the application's page") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&had));
        had.extend(&buffer[..read]);
    }
    let answer = String::from_utf8_lossy(&had);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    !answer.contains("Connection: close")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(low, high)
}

async fn world(setup: Setup<'_>) -> (World, Vec<u8>) {
    let world = setup.start().await;
    let request = Request::get("/quick")
        .connection("keep-alive")
        .field("Cookie", world.signed_in().cookies());
    let bytes = request.bytes();
    (world, bytes)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let pairs = env::var("PAIRS").map_or(10, |pairs| pairs.parse().unwrap());
    let guarded = world(Setup::new(Kind::Nginx, PROGRAM)).await;
    let plain = world(Setup::new(Kind::Nginx, PROGRAM).change(Change::Unguarded)).await;
    let measure = |(world, request): &(World, Vec<u8>)| {
        let (port, request) = (world.proxy.port(), request.clone());
        tokio::task::block_in_place(move || requests_a_second(port, &request))
    };
    let mut ratios = Vec::new();
    for _ in 0..pairs {
        let (with, without) = (measure(&guarded), measure(&plain));
        println!("{with:6.0} requests a second with forward-auth, {without:6.0} without");
        ratios.push(with / without);
    }
    let (least, most) = ratios
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), &it| {
            (least.min(it), most.max(it))
        });
    let median = median(ratios);
    println!("ratio, median of {pairs} pairs: {median:.2} ({least:.2} to {most:.2})");
}
