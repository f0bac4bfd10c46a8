//! What a flood of unknown kids does to everybody else:
//! `flood PORT CONTROL_PORT TOKENS SECONDS SECONDS_FOR_A_NEW_KEY`.
//!
//! Good tokens come in at a steady rate, first alone, then beside a flood. At last, with the flood
//! going on, the project gets a new key, and its first token knocks until it is let in (not with
//! zero seconds for that). Prints one line of JSON. Whatever is sent has a schedule, a deadline and an end.

use std::{
    env,
    error::Error,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use peers::bed::with_kid;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

type Failure = Box<dyn Error + Send + Sync>;

/// Requests with good tokens, per second.
const GOOD: Rate = Rate {
    lanes: 10,
    each: 50,
};
/// Requests with unknown kids, per second: 1,000, of which at most 50 are unanswered at a time.
const FLOOD: Rate = Rate {
    lanes: 50,
    each: 20,
};
/// Who waits longer is counted as having waited so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A steady rate of requests. Each lane is a connection with one request at a time.
#[derive(Clone, Copy)]
struct Rate {
    lanes: u32,
    /// Per second and lane.
    each: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port, control, tokens, seconds, new_key] = &arguments[..] else {
        return Err("five arguments are needed".into());
    };
    let (port, control): (u16, u16) = (port.parse()?, control.parse()?);
    let phase = Duration::from_secs(seconds.parse()?);
    let new_key = Duration::from_secs(new_key.parse()?);
    let tokens: Arc<[String]> = fs::read_to_string(tokens)?
        .lines()
        .map(str::to_owned)
        .collect();

    let (good, unknown) = (good(&tokens), unknown(&tokens));
    // Connections, caches and branch predictors warm up.
    run(port, GOOD, phase / 4, &good).await?;
    let quiet = run(port, GOOD, phase, &good).await?;
    let (beside, flood) = tokio::try_join!(
        run(port, GOOD, phase, &good),
        run(port, FLOOD, phase, &unknown),
    )?;
    let new_key = if new_key.is_zero() {
        Value::Null
    } else {
        let flood = run(port, FLOOD, new_key, &unknown);
        tokio::try_join!(first_use(port, control, new_key), flood)?.0
    };
    println!(
        "{}",
        json!({ "quiet": quiet, "beside": beside, "flood": flood, "new_key": new_key })
    );
    Ok(())
}

/// Another good token each time.
fn good(tokens: &Arc<[String]>) -> impl Fn() -> String + Clone + Send + use<> {
    let (tokens, next) = (Arc::clone(tokens), Arc::new(AtomicU64::new(0)));
    move || {
        let next = usize::try_from(next.fetch_add(1, Relaxed)).unwrap_or_default();
        tokens[next % tokens.len()].clone()
    }
}

/// Another unknown kid each time, in this process and in the next.
fn unknown(tokens: &Arc<[String]>) -> impl Fn() -> String + Clone + Send + use<> {
    let (tokens, next) = (Arc::clone(tokens), Arc::new(AtomicU64::new(0)));
    let process = std::process::id();
    move || {
        with_kid(
            &tokens[0],
            &format!("flood-{process}-{}", next.fetch_add(1, Relaxed)),
        )
    }
}

/// Sends at this rate for so long, and sums up.
async fn run(
    port: u16,
    rate: Rate,
    phase: Duration,
    token: &(impl Fn() -> String + Clone + Send + 'static),
) -> Result<Value, Failure> {
    let start = Instant::now() + Duration::from_millis(20);
    let mut lanes = JoinSet::new();
    for number in 0..rate.lanes {
        let period = Duration::from_secs(1) / rate.each;
        let first = start + period * number / rate.lanes;
        lanes.spawn(lane(port, first, period, start + phase, token.clone()));
    }
    let mut waits = Vec::new();
    let mut admitted = 0;
    for lane in lanes.join_all().await {
        for (wait, status) in lane? {
            waits.push(wait.as_micros());
            admitted += usize::from(status == Some(StatusCode::OK));
        }
    }
    waits.sort_unstable();
    let at = |share: usize| {
        waits
            .get(waits.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    let to_number = |micros: u128| u64::try_from(micros).unwrap_or(u64::MAX);
    Ok(json!({
        "requests": waits.len(),
        "admitted": admitted,
        "p50_us": to_number(at(50)),
        "p99_us": to_number(at(99)),
        "max_us": to_number(waits.last().copied().unwrap_or_default()),
    }))
}

/// One request after the other, each at its time or, if the one before it took longer than that,
/// right after it; the wait counts from when it was due.
async fn lane(
    port: u16,
    first: Instant,
    period: Duration,
    end: Instant,
    token: impl Fn() -> String,
) -> Result<Vec<(Duration, Option<StatusCode>)>, Failure> {
    let mut connection = connect(port).await?;
    let mut waits = Vec::new();
    let mut due = first;
    while due < end {
        let token = token();
        let late = Instant::now() > due;
        sleep_until(due).await;
        // The runtime's timer is coarser than what is measured.
        let from = if late { due } else { Instant::now() };
        let answer = timeout(
            PATIENCE,
            send(&mut connection, Method::GET, "/projects", &token),
        );
        if let Ok(answer) = answer.await {
            waits.push((from.elapsed(), Some(answer?.0)));
        } else {
            waits.push((from.elapsed(), None));
            connection = connect(port).await?;
        }
        due += period;
    }
    Ok(waits)
}

/// Gives the project a new key, and knocks with its first token until it is let in.
async fn first_use(port: u16, control: u16, at_most: Duration) -> Result<Value, Failure> {
    // The flood comes first.
    sleep(at_most / 10).await;
    let (_, token) = send(&mut connect(control).await?, Method::POST, "/rotate", "").await?;
    let mut connection = connect(port).await?;
    let start = Instant::now();
    let mut tries = 0;
    while start.elapsed() < at_most {
        tries += 1;
        let answer = timeout(
            PATIENCE,
            send(&mut connection, Method::GET, "/projects", &token),
        );
        match answer.await {
            Ok(Ok((StatusCode::OK, _))) => {
                let millis = u64::try_from(start.elapsed().as_millis())?;
                return Ok(json!({ "tries": tries, "ms": millis }));
            }
            Ok(answer) => drop(answer?),
            Err(_) => connection = connect(port).await?,
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(json!({ "tries": tries, "ms": null }))
}

type Connection = http1::SendRequest<Empty<Bytes>>;

async fn connect(port: u16) -> Result<Connection, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    connection: &mut Connection,
    method: Method,
    path: &str,
    token: &str,
) -> Result<(StatusCode, String), Failure> {
    connection.ready().await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "app.example.com")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::new())?;
    let response = connection.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec())?))
}
