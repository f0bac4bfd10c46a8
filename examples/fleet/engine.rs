//! The Redis of the example: the one that `REDIS_URL` names, or one of its own.

use std::{
    env, io,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// A Redis, ended by its process id where the example has started it.
pub(crate) struct Engine {
    pub(crate) url: String,
    child: Option<Child>,
}

impl Engine {
    pub(crate) fn find() -> Result<Self, String> {
        if let Ok(url) = env::var("REDIS_URL") {
            return Ok(Self { url, child: None });
        }
        for program in ["redis-server", "valkey-server"] {
            match start(program) {
                Ok(engine) => return Ok(engine),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{program} does not start: {error}")),
            }
        }
        Err(
            "there is no Redis: set REDIS_URL, for example to redis://127.0.0.1:6379, or install one \
             (`apt-get install redis-server`, `brew install redis`), which is then started and ended \
             here"
                .to_owned(),
        )
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(program: &str) -> io::Result<Engine> {
    // Redis cannot choose a port by itself.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let child = Command::new(program)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let engine = Engine {
        url: format!("redis://127.0.0.1:{port}"),
        child: Some(child),
    };
    for _ in 0..100 {
        // A connection from the very port that is asked for would be one with itself.
        let connection = TcpStream::connect(("127.0.0.1", port));
        let own = connection.and_then(|it| it.local_addr());
        if own.is_ok_and(|own| own.port() != port) {
            println!("started {program}, which ends with this example");
            return Ok(engine);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(io::Error::other("nobody listens on its port"))
}
