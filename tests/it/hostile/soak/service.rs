//! The service under load, and its process.

use std::{
    fmt, fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use axum::{Router, routing::get};
use tower_descope::{
    AccessKeys, ActiveTenant, Descope, Renewal, SelectTenant, SessionRoutes, TenantId, TenantLayer,
    jwks::KeyCache, test_util::FakeDescope,
};

/// Names the fake to the process that is to be the service.
const URL: &str = "SOAK_FAKE_URL";
const PROJECT: &str = "SOAK_FAKE_PROJECT";

pub(super) fn is_wanted() -> bool {
    std::env::var_os(URL).is_some()
}

/// What is left in the service's process once it has shut down.
pub(super) struct Left {
    pub(super) tasks: usize,
    pub(super) files_before: usize,
    pub(super) files: usize,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after it: {} tasks, {} files (before it {})",
            self.tasks, self.files, self.files_before
        )
    }
}

/// A handle on the service's process; without it the process ends.
pub(super) struct Service {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Service {
    /// Runs this test in a process of its own, where it is the service.
    pub(super) fn start(test: &str, fake: &FakeDescope) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(URL, fake.url())
            .env(PROJECT, fake.project_id())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut service = Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            url: String::new(),
        };
        service.url = service.line("listens at ");
        service
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// The bytes of memory that the process has in use.
    pub(super) async fn memory(&self) -> usize {
        let connect = tokio::net::TcpStream::connect(self.url.trim_start_matches("http://"));
        let mut stream = connect.await.unwrap();
        let request = b"GET /memory HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request)
            .await
            .unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
            .await
            .unwrap();
        answer.rsplit("\r\n").next().unwrap().parse().unwrap()
    }

    /// Shuts the service down.
    pub(super) fn stop(mut self) -> Left {
        drop(self.input.take());
        let left = self.line("leaves ");
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        let mut numbers = left.split(' ').map(|number| number.parse().unwrap());
        Left {
            tasks: numbers.next().unwrap(),
            files_before: numbers.next().unwrap(),
            files: numbers.next().unwrap(),
        }
    }

    /// The rest of the next line with this in it.
    fn line(&mut self, what: &str) -> String {
        for line in self.output.by_ref().lines() {
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once(what) {
                return rest.to_owned();
            }
        }
        panic!("the service's process ended without a word");
    }
}

/// Is the service until its input ends, in its own process.
pub(super) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let files_before = files();
    runtime.block_on(serve());
    // What was spawned ends on its own, once nobody holds it any more.
    let mut tasks = usize::MAX;
    for _ in 0..200 {
        tasks = runtime.metrics().num_alive_tasks();
        if tasks == 0 && files() <= files_before {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("leaves {tasks} {files_before} {}", files());
}

async fn serve() {
    let variable = |name| std::env::var(name).unwrap();
    let descope = Descope::builder(variable(PROJECT))
        .base_url(variable(URL))
        .key_cache(
            KeyCache::new()
                .ttl(Duration::from_secs(10))
                .cool_down(Duration::from_secs(1))
                .fetch_deadline(Duration::from_millis(500)),
        )
        .access_keys(
            AccessKeys::new()
                .key_prefix("K2")
                .selected_tenant(TenantId::new("T1").unwrap()),
        )
        .build()
        .unwrap();
    descope.warm_up().await.unwrap();
    let seen = |tenant: ActiveTenant| async move {
        format!("{}@{}", tenant.session().user_id(), tenant.id())
    };
    let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
    let app = Router::new()
        .route("/", get(seen))
        .route_layer(layer)
        .route("/memory", get(|| async { memory().to_string() }))
        .route_service("/select", SelectTenant::new(descope.clone()))
        .nest_service("/v1/auth", SessionRoutes::new(descope));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listens at http://{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    axum::serve(listener, app)
        .with_graceful_shutdown(input_ends())
        .await
        .unwrap();
}

/// On a thread: tokio's own reader of it could not be stopped.
async fn input_ends() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    let _ = ended.await;
}

/// The memory that is resident, in bytes; 0 where the kernel does not say.
fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: usize| pages * 4_096)
}

/// The files and sockets that are open.
fn files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
