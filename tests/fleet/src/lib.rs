//! Real engines for the tests in `tests/`: a `redis-server` for each that asks for one, on a free port
//! of this machine and in a folder of its own, ended by its process id.
//!
//! A missing engine is a failure: Debian's packages are `redis-server` and `redis-tools`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test code: what cannot go on ends, with a message"
)]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The project of all tests.
pub const PROJECT: &str = "P2aAc4T2V93bddihGEx2Ryhc8e5Z";

/// What replicas have in common.
pub const SECRET: [u8; 32] = *b"of no Redis but those of a test!";

/// A server, ended when it is dropped.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with more settings, each with its two dashes.
    pub fn with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        // Another process may take a port between the choice and the start.
        for _ in 0..5 {
            let port = free_port();
            let folder = folder();
            if let Some(child) = run(port, &folder, &arguments) {
                return Self {
                    child,
                    port,
                    folder,
                    arguments,
                };
            }
        }
        panic!("redis-server does not start");
    }

    /// Starts a replica of this one, and waits until it has all that there is.
    #[must_use]
    pub fn replica(&self) -> Self {
        let replica = Self::with(&["--replicaof", &format!("127.0.0.1 {}", self.port)]);
        let port = format!("port={},state=online", replica.port);
        until("the replica is connected", || {
            self.cli(&["info", "replication"]).contains(&port)
        });
        replica
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL without a user.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder in which it keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command on it by `redis-cli`, and returns what that printed.
    pub fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }

    /// Kills it, so that it has no time to say goodbye.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on the same port and in the same folder.
    pub fn start_again(&mut self) {
        self.kill();
        let child = run(self.port, &self.folder, &self.arguments);
        self.child = child.expect("redis-server starts again");
    }

    /// Sends a signal by its name, for example `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success(), "kill -s {name}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs a command on the server at a port by `redis-cli`, and returns what that printed.
pub fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(arguments)
        .output()
        .expect("redis-cli is there: Debian's package is redis-tools");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "redis-cli {arguments:?}: {text}");
    text
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits for something, ten seconds at most.
pub fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-descope-fleet-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(port: u16, folder: &Path, arguments: &[String]) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--dir", folder.to_str()?, "--daemonize", "no"])
        .args([
            "--save",
            "",
            "--appendonly",
            "no",
            "--repl-diskless-sync-delay",
            "0",
            "--logfile",
            "redis.log",
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is there: Debian's package is redis-server");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if child.try_wait().ok()?.is_some() {
            return None;
        }
        let log = fs::read_to_string(folder.join("redis.log")).unwrap_or_default();
        if log.contains("Ready to accept connections") {
            return Some(child);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
