//! What tests share: a service behind the layer, and requests to it.

pub(crate) mod browser;
pub(crate) mod world;

use std::{
    convert::Infallible,
    ffi::OsStr,
    io,
    process::Command,
    sync::{Arc, LazyLock, Mutex},
};

use http::{HeaderMap, Request, Response, StatusCode, header};
use tower::{Service, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_descope::{
    ActiveTenant, Descope, Rejection, Session, TenantLayer,
    test_util::{FakeDescope, TestClock},
};
use tracing::{Dispatch, Level, dispatcher::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

pub(crate) type App = BoxCloneSyncService<Request<()>, Response<String>, Infallible>;

/// The layer over a handler that says what it sees: `user@tenant`, `user@-` without an active
/// tenant, or the rejection's code.
pub(crate) fn app(descope: &Descope) -> App {
    app_with(TenantLayer::new(descope.clone()))
}

pub(crate) fn app_with<R>(layer: TenantLayer<R>) -> App
where
    R: tower_descope::auth::RejectionResponse<String> + Send + Sync + 'static,
{
    let service = ServiceBuilder::new()
        .layer(layer)
        .service_fn(|request: Request<()>| async move { Ok(Response::new(seen(&request))) });
    BoxCloneSyncService::new(service)
}

pub(crate) fn seen<B>(request: &Request<B>) -> String {
    let session = match Session::from_extensions(request.extensions()) {
        Ok(session) => session,
        Err(rejection) => return rejection.code().to_owned(),
    };
    match ActiveTenant::from_extensions(request.extensions()) {
        Ok(tenant) => format!("{}@{}", session.user_id(), tenant.id()),
        Err(_) => format!("{}@-", session.user_id()),
    }
}

/// Sends a request with these fields.
pub(crate) async fn send(app: &App, fields: &[(&str, &str)]) -> Response<String> {
    let mut request = Request::get("/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    call(app, request.body(()).unwrap()).await
}

pub(crate) async fn call(app: &App, request: Request<()>) -> Response<String> {
    let mut app = app.clone();
    app.ready().await.unwrap().call(request).await.unwrap()
}

/// Sends a request with a bearer token.
pub(crate) async fn with_bearer(app: &App, token: &str) -> Response<String> {
    send(app, &[("authorization", &format!("Bearer {token}"))]).await
}

/// The verdict on a bearer token: what the handler saw, or the code of the refusal.
pub(crate) async fn verdict(app: &App, token: &str) -> String {
    let response = with_bearer(app, token).await;
    if response.status() == StatusCode::OK {
        response.into_body()
    } else {
        code(&response).to_owned()
    }
}

pub(crate) fn code<B>(response: &Response<B>) -> &'static str {
    response
        .extensions()
        .get::<Rejection>()
        .expect("a refusal has its rejection in its extensions")
        .code()
}

pub(crate) fn challenge(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::WWW_AUTHENTICATE)
        .map(|value| value.to_str().unwrap())
}

/// A token of user `U1`, active in `T1`.
pub(crate) fn token(fake: &FakeDescope) -> String {
    fake.session("U1").tenant("T1", |t| t).active("T1").token()
}

/// Lets tasks that were woken run, until `done`; panics after a bounded number of rounds.
pub(crate) async fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// Lets everything run that can, here and on the thread of the fake. That one may wait for its turn on
/// a busy machine, as the kernel may with what goes from one to the other, and a clock that moves
/// meanwhile ends the calls that are on their way.
pub(crate) async fn settled(fake: &FakeDescope) {
    // A connection, a request, its repetition, and their answers, with some to spare.
    for _ in 0..10 {
        yield_often().await;
        // Leaves the processor to whoever waits for it.
        std::thread::sleep(std::time::Duration::from_micros(100));
        // Answered by the fake's thread, at once.
        fake.wait_for_calls("", 0).await;
    }
}

/// Moves the clock, a second at a time and after ten minutes a minute, until so many requests came to
/// a path; returns how long that took.
pub(crate) async fn moved_to_call(fake: &FakeDescope, path: &str, n: usize) -> std::time::Duration {
    const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
    let mut step = std::time::Duration::from_secs(1);
    let mut passed = std::time::Duration::ZERO;
    while fake.calls(path) < n {
        assert!(passed < MINUTE * 300, "it is not tried again");
        fake.clock().advance(step);
        passed += step;
        if passed > MINUTE * 10 {
            step = MINUTE;
        }
        settled(fake).await;
    }
    passed
}

/// Moves the clock in steps, with room for timers to act in between.
pub(crate) async fn advance(clock: &TestClock, seconds: u64) {
    clock.advance(std::time::Duration::from_secs(seconds));
    yield_often().await;
}

/// Lets other tasks of this thread run.
pub(crate) async fn yield_often() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Runs one test of this binary in a process of its own, where variables can be set.
pub(crate) fn child<V: AsRef<OsStr>>(test: &str, variables: &[(&str, V)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env("IN_CHILD", "1");
    for (name, value) in variables {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the test was found: {said}");
}

pub(crate) fn in_child() -> bool {
    std::env::var_os("IN_CHILD").is_some()
}

/// What was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps the error events of this thread for as long as the guard lives.
    pub(crate) fn errors(&self) -> DefaultGuard {
        self.up_to(Level::ERROR)
    }

    /// Keeps the events of this thread up to a level.
    pub(crate) fn up_to(&self, level: Level) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .with_max_level(level)
            .finish();
        keep(subscriber)
    }

    /// The lines that have these words.
    pub(crate) fn lines(&self, words: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Makes a subscriber the one of this thread for as long as the guard lives.
pub(crate) fn keep(subscriber: impl Into<Dispatch>) -> DefaultGuard {
    /// Where a process has one subscriber, tracing asks that of the thread which comes to an event
    /// first whether anybody wants it, and remembers the answer for all threads. So there are two.
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(io::sink);
        subscriber.with_max_level(Level::INFO).finish().into()
    });
    LazyLock::force(&SECOND);
    tracing::dispatcher::set_default(&subscriber.into())
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
