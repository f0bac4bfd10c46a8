//! The processes: replicas, each ended by its id when it is dropped, and what they share.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tower_descope::test_util::{FakeDescope, Recorded};
use tower_descope_fleet::{PROJECT, Redis};

use crate::browser::Browser;

pub(crate) const REFRESH: &str = "/v1/auth/refresh";
pub(crate) const SELECT: &str = "/v1/auth/tenant/select";
pub(crate) const LOGOUT: &str = "/v1/auth/logout";

/// How many users there are, each a member of `T1` and `T2`.
const USERS: usize = 400;

/// How the replicas are set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) replicas: usize,
    /// How long a caller waits for Descope. A claim stands for five seconds longer.
    pub(crate) timeout: Duration,
    /// How long an answer is kept for repeats.
    pub(crate) keep: Duration,
    /// How long a step at Redis may take.
    pub(crate) response: Duration,
    /// Where revocation is on, how long nothing may be heard of the others.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) trace: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            replicas: 3,
            timeout: Duration::from_secs(10),
            keep: Duration::from_mins(1),
            response: Duration::from_secs(1),
            stale_after: None,
            trace: false,
        }
    }
}

impl Setup {
    /// Claims stand for six seconds, so that what waits for their end need not wait long.
    pub(crate) fn short() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            ..Self::default()
        }
    }
}

/// A replica's process.
#[derive(Debug)]
pub(crate) struct Replica {
    child: Child,
    pub(crate) url: String,
    pub(crate) log: PathBuf,
}

pub(crate) struct Fleet {
    pub(crate) fake: FakeDescope,
    pub(crate) redis: Redis,
    pub(crate) replicas: Vec<Replica>,
    redis_url: String,
    setup: Setup,
}

/// How often scripts were run, and what they have read.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) scripts: u64,
    /// When the memory began.
    pub(crate) births: u64,
    pub(crate) records: u64,
}

impl Fleet {
    pub(crate) async fn start(setup: Setup) -> Self {
        let redis = Redis::start();
        let url = redis.url();
        Self::on(redis, url, setup).await
    }

    /// Starts one on a Redis that is reached at `redis_url`, and has been there for an hour.
    pub(crate) async fn on(redis: Redis, redis_url: String, setup: Setup) -> Self {
        settle(&redis);
        let mut fake = FakeDescope::builder().project_id(PROJECT).real_time();
        for number in 0..USERS {
            fake = fake.user(&login(number), |user| {
                user.id(format!("U{number}"))
                    .tenant("T1", |t| t)
                    .tenant("T2", |t| t)
            });
        }
        let mut fleet = Self {
            fake: fake.start().await,
            redis,
            replicas: Vec::new(),
            redis_url,
            setup,
        };
        for number in 0..fleet.setup.replicas {
            let replica = fleet.replica(number);
            fleet.replicas.push(replica);
        }
        fleet
    }

    /// Starts a replica of this number; its log goes on where a former one's ended.
    pub(crate) fn replica(&self, number: usize) -> Replica {
        let log = self.redis.folder().join(format!("replica-{number}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let mut command = Command::new(env!("CARGO_BIN_EXE_replica"));
        let ms = |span: Duration| span.as_millis().to_string();
        command
            .env("REPLICA_DESCOPE", self.fake.url())
            .env("REPLICA_REDIS", &self.redis_url)
            .env("REPLICA_TIMEOUT_MS", ms(self.setup.timeout))
            .env("REPLICA_KEEP_MS", ms(self.setup.keep))
            .env("REPLICA_RESPONSE_MS", ms(self.setup.response))
            .env_remove("REPLICA_STALE_MS")
            .env_remove("REPLICA_TRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file.unwrap());
        if let Some(stale_after) = self.setup.stale_after {
            command.env("REPLICA_STALE_MS", ms(stale_after));
        }
        if self.setup.trace {
            command.env("REPLICA_TRACE", "1");
        }
        let mut child = command.spawn().unwrap();
        let mut port = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut port).unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim());
        let replica = Replica { child, url, log };
        let is_up = port.trim().parse::<u16>().is_ok();
        assert!(is_up, "a replica does not start: {}", replica.logged());
        replica
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.replicas.iter().map(|it| it.url.clone()).collect()
    }

    /// The browser of a user, signed in.
    pub(crate) fn browser(&self, user: usize) -> Browser {
        Browser::new(&self.fake.sign_in_to(&login(user), "T1"))
    }

    /// Browsers whose sessions have expired, each of a user of its own.
    pub(crate) fn expired(&self, number: usize) -> Vec<Browser> {
        (0..number)
            .map(|user| self.browser(user).expired())
            .collect()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.fake.calls(REFRESH)
    }

    /// How many tokens were sent to be exchanged. None may be sent twice.
    pub(crate) fn spent(&self) -> usize {
        let tokens = self.sent();
        let distinct: HashSet<&String> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len(), "a token was spent twice");
        tokens.len()
    }

    /// The tokens that were sent to be exchanged, oldest first.
    pub(crate) fn sent(&self) -> Vec<String> {
        let is_exchange = |it: &Recorded| it.path == REFRESH || it.path == SELECT;
        let requests = self.fake.requests().into_iter().filter(is_exchange);
        requests.map(|it| refresh_token(&it)).collect()
    }

    /// Waits until every replica has told Redis all that it knows.
    pub(crate) async fn drain(&self) {
        for replica in &self.replicas {
            let browser = self.browser(0);
            assert_eq!(browser.drain(&replica.url).await.status, 200);
        }
    }

    /// What was carried out, by Redis's own count at one moment: replicas run scripts of their own accord,
    /// and one could fall between two readings.
    pub(crate) fn counts(&self) -> Counts {
        let stats = self.redis.cli(&["info", "commandstats"]);
        let [by_digest, by_text, births, records] =
            ["evalsha", "eval", "get", "hmget"].map(|name| {
                let name = format!("cmdstat_{name}:");
                let line = stats.lines().find(|line| line.starts_with(&name));
                let calls = line.and_then(|line| line.split(&['=', ','][..]).nth(1));
                calls.map_or(0, |calls| calls.parse::<u64>().unwrap())
            });
        Counts {
            scripts: by_digest + by_text,
            births,
            records,
        }
    }

    /// How many times a replica has logged this.
    pub(crate) fn logged(&self, text: &str) -> usize {
        let logs = self.replicas.iter().map(Replica::logged);
        logs.map(|log| log.matches(text).count()).sum()
    }
}

/// The refresh token of a call.
pub(crate) fn refresh_token(request: &Recorded) -> String {
    let credential = request.header("authorization").unwrap();
    credential.rsplit_once(':').unwrap().1.to_owned()
}

impl Replica {
    /// Sends it a signal by its name, for example `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success(), "kill -s {name}");
    }

    /// Kills it, so that it has no time to tell anybody.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// All that it has logged.
    pub(crate) fn logged(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn login(user: usize) -> String {
    format!("{user}@example.test")
}

/// Makes a Redis one that has remembered everything for an hour.
fn settle(redis: &Redis) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let born = (now.as_millis() - 3_600_000).to_string();
    redis.cli(&["set", &format!("ds1:{PROJECT}:{{e}}:born"), &born]);
}
