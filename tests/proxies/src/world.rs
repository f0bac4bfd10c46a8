//! All that a test needs: a Descope, the service, an application, a proxy.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use tokio::task::JoinHandle;
use tower_descope::test_util::{FakeDescope, SignedIn};

use crate::{
    application::{self, Application},
    client::{Answer, HOST, Request},
    process::{Folder, Process, free_port},
    proxy::{Change, Kind, Places, Proxy},
    relay::Relay,
};

/// The project of all tests.
const PROJECT: &str = "P2aAc4T2V93bddihGEx2Ryhc8e5Z";

/// What the service knows the proxy by.
const SECRET: &str = "9c1d0f6e-of-one-test-alone";

/// Who asks.
const ANN: &str = "ann@acme.test";

/// Whose session token is nearly as long as a cookie may be.
const WENDY: &str = "wendy@acme.test";

/// How a world is set.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    kind: Kind,
    program: &'a str,
    change: Option<Change>,
    overheard: bool,
    settings: &'a [(&'a str, &'a str)],
}

/// A Descope, the service, an application and a proxy, which end with it.
#[derive(Debug)]
pub struct World {
    /// The Descope.
    pub fake: FakeDescope,
    /// The application.
    pub application: Application,
    /// The proxy.
    pub proxy: Proxy,
    service: Option<Process>,
    service_port: u16,
    relay: Option<Relay>,
    silent: Option<JoinHandle<()>>,
    // The last one to go: the others write into it.
    _folder: Folder,
}

impl<'a> Setup<'a> {
    /// One of this proxy, with the program of this path as the service.
    #[must_use]
    pub fn new(kind: Kind, program: &'a str) -> Self {
        Self {
            kind,
            program,
            change: None,
            overheard: false,
            settings: &[],
        }
    }

    /// Changes the proxy's configuration.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    /// Notes what the service says to the proxy, for [`World::overheard`].
    #[must_use]
    pub fn overheard(mut self) -> Self {
        self.overheard = true;
        self
    }

    /// Adds variables for the service.
    #[must_use]
    pub fn settings(mut self, settings: &'a [(&'a str, &'a str)]) -> Self {
        self.settings = settings;
        self
    }

    /// Starts it.
    pub async fn start(self) -> World {
        let member = |user: tower_descope::test_util::FakeUser| {
            user.id("U2ann")
                .tenant("T2acme", |tenant| tenant.role("owner").role("Größe, XL"))
                .tenant("T2beta", |tenant| tenant)
        };
        let fake = FakeDescope::builder()
            .project_id(PROJECT)
            .real_time()
            .user(ANN, member)
            .user(WENDY, |user| {
                let user = user.id("U2wendy").claim("notes", "n".repeat(2_200));
                user.tenant("T2acme", |tenant| tenant)
            })
            .start()
            .await;
        let application = Application::start().await;
        let folder = Folder::new();
        let (service, service_port) = self.service(&fake, &folder.path().join("service.log"));
        let relay = if self.overheard {
            Some(Relay::start(service_port).await)
        } else {
            None
        };
        let proxy = Proxy::start(
            self.kind,
            Places {
                service: relay.as_ref().map_or(service_port, Relay::port),
                application: application.port(),
                secret: SECRET,
                on_request: &self.on_request(),
                change: self.change,
            },
        );
        World {
            fake,
            application,
            proxy,
            service: Some(service),
            service_port,
            relay,
            silent: None,
            _folder: folder,
        }
    }

    fn on_request(&self) -> Vec<&'static str> {
        let fields = [
            ("PERMISSIONS", "X-Tenant-Permissions"),
            ("SESSION_HEADER", "X-Auth-Session"),
        ];
        let is_set = |variable| self.settings.iter().any(|(name, _)| *name == variable);
        let fields = fields.into_iter().filter(|(variable, _)| is_set(*variable));
        fields.map(|(_, field)| field).collect()
    }

    fn service(self, fake: &FakeDescope, log: &Path) -> (Process, u16) {
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(self.program);
            command
                .env_clear()
                .env("DESCOPE_PROJECT_ID", PROJECT)
                .env("DESCOPE_BASE_URI", fake.url())
                .env("LISTEN", format!("127.0.0.1:{port}"))
                .env("PROXY_SECRET", SECRET)
                .env("COOKIE_NAMES", "plain")
                .env("NUMBERED_COOKIES", self.kind.numbered_cookies())
                .envs(self.settings.iter().copied())
                .stdin(Stdio::null())
                .stdout(File::create(log).unwrap())
                .stderr(File::options().append(true).open(log).unwrap());
            let remedy = "it is built with the tests";
            let mut service = Process::start(&mut command, log.to_owned(), remedy);
            if service.listens(port) {
                return (service, port);
            }
        }
        let logged = fs::read_to_string(log).unwrap_or_default();
        panic!("the service does not start: {logged}")
    }
}

impl World {
    /// Somebody who has just signed in, to the tenant `T2acme`.
    pub fn signed_in(&self) -> SignedIn {
        self.fake.sign_in_to(ANN, "T2acme")
    }

    /// Somebody who has signed in and chosen no tenant.
    pub fn without_tenant(&self) -> SignedIn {
        self.fake.sign_in(ANN)
    }

    /// The cookies of somebody whose session has to be renewed.
    pub fn to_renew(&self) -> String {
        format!("DSR={}", self.signed_in().refresh_jwt())
    }

    /// The same of somebody whose session takes nearly four kilobytes.
    pub fn long_to_renew(&self) -> String {
        let signed_in = self.fake.sign_in_to(WENDY, "T2acme");
        let length = signed_in.session_jwt().len();
        assert!((3_500..4_000).contains(&length), "{length} bytes");
        format!("DSR={}", signed_in.refresh_jwt())
    }

    /// Asks the proxy.
    pub async fn ask(&self, request: &Request) -> Answer {
        request.send(self.proxy.port()).await
    }

    /// All that the service has said to the proxy.
    pub fn overheard(&self) -> String {
        self.relay.as_ref().unwrap().heard()
    }

    /// How many connections the proxy has made to the service.
    pub fn connections(&self) -> usize {
        self.relay.as_ref().unwrap().connections()
    }

    /// Asks the service itself, past the proxy.
    pub async fn ask_service(&self, request: &Request) -> Answer {
        request.send(self.service_port).await
    }

    /// What the proxy asks the service about a page.
    pub fn question(&self, cookies: &str) -> Request {
        Request::get("/check")
            .field("Cookie", cookies)
            .field("X-Forwarded-Method", "GET")
            .field("X-Forwarded-Proto", "http")
            .field("X-Forwarded-Host", HOST)
            .field("X-Forwarded-Uri", "/")
            .field("X-Auth-Proxy", SECRET)
    }

    /// The host of all requests.
    pub fn host(&self) -> &'static str {
        HOST
    }

    /// What the service and the proxy have logged.
    pub fn logged(&self) -> String {
        let service = self.service.as_ref().map(Process::logged);
        format!("{}\n{}", service.unwrap_or_default(), self.proxy.logged())
    }

    /// Ends the service.
    pub fn stop_service(&mut self) {
        self.service = None;
    }

    /// Puts in the service's place what takes connections and never answers.
    pub async fn silence_service(&mut self) {
        self.stop_service();
        self.silent = Some(application::silent(self.service_port).await);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(silent) = self.silent.take() {
            silent.abort();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.logged());
        }
    }
}
