//! A process, a port and a folder of a test's own.

use std::{
    collections::HashSet,
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a program may take to start or to end, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program, which logs to a file; `remedy` is where it comes from.
    pub(crate) fn start(command: &mut Command, log: PathBuf, remedy: &str) -> Self {
        let child = command.spawn().unwrap_or_else(|error| {
            let program = command.get_program();
            panic!("{} does not start ({error}): {remedy}", program.display())
        });
        Self { child, log }
    }

    /// Waits until something answers at the port; false if the process has ended instead.
    pub(crate) fn listens(&mut self, port: u16) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // A connection from the very port that is asked for would be one with itself.
            let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            if connection.is_ok_and(|it| it.local_addr().unwrap().port() != port) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody listens on {port}: {}", self.logged())
    }

    /// All that it has logged.
    pub(crate) fn logged(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends it a signal by its name, for example `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", name, &id]).status();
    }

    /// Ends it. Politely at first: nginx's workers end with their master if that has the time.
    pub(crate) fn end(&mut self) {
        if self.child.try_wait().ok().flatten().is_some() {
            return;
        }
        self.signal("TERM");
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A folder that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-descope-proxies-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody listens on, each a single time: some proxies share a port with each other rather
/// than fail.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut given = GIVEN.lock().unwrap();
        if given.get_or_insert_default().insert(port) {
            return port;
        }
    }
}
