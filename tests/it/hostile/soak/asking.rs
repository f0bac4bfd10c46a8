//! Those who ask, what they ask, and what they may be told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_descope::test_util::FakeDescope;

use super::weather::Weather;

const MACHINE: &str = "K2abcdefghijklmnopqrstuvwxyz0123456789";

/// How many sessions there are at a time.
const SESSIONS: usize = 16;

/// How long a browser that is renewed keeps its sign-in: a renewal is answered by the last one for
/// a while, and the key of its token must be published for as long.
const SIGN_IN: Duration = Duration::from_secs(5);

/// One sort of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Valid,
    ValidCookie,
    Machine,
    Select,
    Refresh,
    Me,
    Renewed,
    Nothing,
    Expired,
    Forged,
    UnknownKid,
    Oversized,
    Garbage,
    UnknownMachine,
    SelectWithGarbage,
    SelectCrossSite,
}

impl Kind {
    pub(super) const ALL: [Self; 16] = [
        Self::Valid,
        Self::ValidCookie,
        Self::Machine,
        Self::Select,
        Self::Refresh,
        Self::Me,
        Self::Renewed,
        Self::Nothing,
        Self::Expired,
        Self::Forged,
        Self::UnknownKid,
        Self::Oversized,
        Self::Garbage,
        Self::UnknownMachine,
        Self::SelectWithGarbage,
        Self::SelectCrossSite,
    ];

    /// What the policy orders; more where an outage may show.
    fn may_be_told(self, bad: bool) -> &'static [(u16, &'static str)] {
        match (self, bad) {
            (Self::Valid | Self::ValidCookie, _) => &[(200, "")],
            (Self::Select | Self::Refresh | Self::Me | Self::Renewed | Self::Machine, false) => {
                &[(200, "")]
            }
            (Self::Select, true) => &[
                (200, ""),
                (502, "upstream_invalid"),
                (504, "upstream_timeout"),
                (429, "rate_limited"),
                // While Descope asks to slow down.
                (503, "renewal_unavailable"),
                (503, "keys_unavailable"),
            ],
            (Self::Refresh | Self::Me | Self::Renewed, true) => &[
                (200, ""),
                (503, "renewal_unavailable"),
                (503, "keys_unavailable"),
            ],
            (Self::Machine, true) => &[(200, ""), (503, "exchange_unavailable")],
            (Self::Nothing, _) => &[(401, "missing_token")],
            (Self::Expired, _) => &[(401, "expired_token")],
            (Self::UnknownKid, true) => &[(401, "invalid_token"), (503, "keys_unavailable")],
            // Beyond what strangers may cost.
            (Self::UnknownMachine, _) => &[(401, "invalid_token"), (503, "exchange_unavailable")],
            (Self::SelectCrossSite, _) => &[(403, "cross_site")],
            (Self::Forged | Self::UnknownKid | Self::Oversized | Self::Garbage, _) => {
                &[(401, "invalid_token")]
            }
            (Self::SelectWithGarbage, _) => &[(401, "missing_refresh_token")],
        }
    }
}

pub(super) async fn fake() -> FakeDescope {
    let mut builder = FakeDescope::builder()
        .real_time()
        .access_key(MACHINE, |key| key.id("K2m").tenant("T1", |t| t));
    for n in 0..SESSIONS {
        builder = builder.user(&format!("{n}@example.test"), |user| {
            let user = user.id(format!("U{n}")).tenant("T1", |t| t);
            user.tenant("T2", |t| t)
        });
    }
    builder.start().await
}

/// Sessions by one key: good ones, and the same after their time.
#[derive(Clone)]
pub(super) struct Pool {
    good: Arc<[String]>,
    expired: Arc<[String]>,
}

impl Pool {
    pub(super) fn new(fake: &FakeDescope, kid: &str) -> Self {
        let session = |n| fake.session(&format!("U{n}")).active("T1").signed_by(kid);
        Self {
            good: (0..SESSIONS)
                .map(|n| session(n).expires_in(86_400).token())
                .collect(),
            expired: (0..SESSIONS)
                .map(|n| session(n).expired().token())
                .collect(),
        }
    }
}

/// What was told, and what should not have been.
#[derive(Default)]
pub(super) struct Tally {
    told: Mutex<BTreeMap<(Kind, String), usize>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    pub(super) fn all(&self) -> usize {
        self.told.lock().unwrap().values().sum()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        let told = self.told.lock().unwrap();
        let of_kind = told.iter().filter(|((one, _), _)| *one == kind);
        of_kind.map(|(_, count)| count).sum()
    }

    pub(super) fn answers(&self, kind: Kind) -> String {
        let told = self.told.lock().unwrap();
        let of_kind = told.iter().filter(|((one, _), _)| *one == kind);
        let answers: Vec<String> = of_kind
            .map(|((_, answer), count)| format!("{answer} × {count}"))
            .collect();
        answers.join(", ")
    }

    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }
}

/// Somebody who asks one thing after the other, by connections that are kept.
pub(super) struct Asker {
    number: usize,
    url: String,
    weather: Arc<Weather>,
    tally: Arc<Tally>,
    http: Client<HttpConnector, Full<Bytes>>,
    /// How much was asked; makes each bad credential one that was never seen.
    asked: usize,
    /// The refresh tokens of two browsers: one whose page asks, one whose session has expired.
    /// With how often the first was asked for.
    page: (String, usize),
    idle: (String, Instant),
}

/// An answer, as far as it matters.
struct Told {
    status: u16,
    code: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asker {
    pub(super) fn new(
        number: usize,
        url: String,
        weather: Arc<Weather>,
        tally: Arc<Tally>,
    ) -> Self {
        let mut asker = Self {
            number,
            url,
            weather,
            tally,
            http: Client::builder(TokioExecutor::new()).build_http(),
            asked: number * 1_000_000_000,
            page: (String::new(), 0),
            idle: (String::new(), Instant::now()),
        };
        asker.page.0 = asker.sign_in();
        asker.idle.0 = asker.sign_in();
        asker
    }

    pub(super) async fn ask_on(mut self, pause: Duration) {
        while !self.weather.is_over() {
            let kind = Kind::ALL[self.asked % Kind::ALL.len()];
            self.ask(kind).await;
            self.asked += 1;
            // Most of what is asked is in order.
            self.ask(Kind::Valid).await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether a session of this pool opens the door.
    pub(super) async fn is_served(&self, pool: &Pool) -> bool {
        let token = &pool.good[0];
        let request = self
            .request("GET", "/", "")
            .header("authorization", bearer(token));
        let request = request.body(Full::default()).unwrap();
        matches!(self.send(request).await, Ok(told) if told.status == 200)
    }

    async fn ask(&mut self, kind: Kind) {
        if kind == Kind::Renewed
            && self.idle.1.elapsed() > SIGN_IN
            && !self.weather.was_bad_since(Instant::now())
        {
            self.idle = (self.sign_in(), Instant::now());
        }
        // A browser does not select, refresh and ask more than once a second for long.
        let asks = matches!(kind, Kind::Select | Kind::Refresh | Kind::Me);
        if asks && self.page.1 >= 3 && !self.weather.was_bad_since(Instant::now()) {
            self.page = (self.sign_in(), 0);
        }
        self.page.1 += usize::from(asks);
        let pool = self.weather.pool();
        let request = self.request_of(kind, &pool);
        let asked = Instant::now();
        let told = match self.send(request).await {
            Ok(told) => told,
            Err(error) => return self.wrong(format!("{kind:?}: {error}")),
        };
        self.judge(kind, &told, asked);
        for line in told.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let Some((token, _)) = line.strip_prefix("DSR=").and_then(|it| it.split_once(';'))
            else {
                continue;
            };
            match kind {
                Kind::Renewed => token.clone_into(&mut self.idle.0),
                _ => token.clone_into(&mut self.page.0),
            }
        }
    }

    fn judge(&self, kind: Kind, told: &Told, asked: Instant) {
        let bad = self.weather.was_bad_since(asked);
        let answer = (told.status, &*told.code);
        let mut right = kind.may_be_told(bad).contains(&answer);
        if matches!(kind, Kind::Valid | Kind::ValidCookie | Kind::Renewed) && told.status == 200 {
            let user = match kind {
                Kind::Renewed => self.number,
                _ => self.asked,
            };
            right &= told.body == format!("U{}@T1", user % SESSIONS);
        }
        if !right {
            self.wrong(format!("{kind:?}, bad: {bad}: {answer:?} {:?}", told.body));
        }
        let answer = format!("{} {}", told.status, told.code)
            .trim_end()
            .to_owned();
        let mut tally = self.tally.told.lock().unwrap();
        *tally.entry((kind, answer)).or_default() += 1;
    }

    fn wrong(&self, what: String) {
        let mut wrong = self.tally.wrong.lock().unwrap();
        let is_news = wrong.len() < 50 && !wrong.contains(&what);
        wrong.extend(is_news.then_some(what));
    }

    fn sign_in(&self) -> String {
        let who = format!("{}@example.test", self.number % SESSIONS);
        let signed_in = self.weather.fake().sign_in_to(&who, "T1");
        signed_in.refresh_jwt().to_owned()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin");
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request
    }

    fn request_of(&self, kind: Kind, pool: &Pool) -> Request<Full<Bytes>> {
        let n = self.asked;
        let good = &pool.good[n % SESSIONS];
        let expired = &pool.expired[self.number % SESSIONS];
        let tenant = if (n / Kind::ALL.len()).is_multiple_of(2) {
            "T1"
        } else {
            "T2"
        };
        let select = format!(r#"{{"tenant":"{tenant}"}}"#);
        let (method, path, body) = match kind {
            Kind::Select | Kind::SelectWithGarbage | Kind::SelectCrossSite => {
                ("POST", "/select", &*select)
            }
            Kind::Refresh => ("POST", "/v1/auth/refresh", "{}"),
            Kind::Me => ("GET", "/v1/auth/me", ""),
            _ => ("GET", "/", ""),
        };
        let request = self.request(method, path, body);
        let request = match kind {
            Kind::Nothing => request,
            Kind::Valid => request.header("authorization", bearer(good)),
            Kind::ValidCookie => request.header("cookie", format!("a=b; DS={good}")),
            Kind::Expired => request.header("authorization", bearer(expired)),
            Kind::Forged => request.header("authorization", bearer(&forged(good, n))),
            Kind::UnknownKid => request.header("authorization", bearer(&unknown(good, n))),
            Kind::Oversized => {
                let long = format!("{good}{n}{}", "A".repeat(20_000));
                request.header("authorization", bearer(&long))
            }
            Kind::Garbage => request.header("authorization", bearer(&format!("a.b.{n}"))),
            Kind::Machine => request.header("authorization", bearer(MACHINE)),
            Kind::UnknownMachine => {
                let key = format!("K2nobodyhasthiskey{n:020}");
                request.header("authorization", bearer(&key))
            }
            Kind::Renewed => request.header("cookie", format!("DS={expired}; DSR={}", self.idle.0)),
            Kind::SelectWithGarbage => request.header("cookie", format!("DSR=a.b.{n}")),
            Kind::SelectCrossSite => {
                let mut request = request.header("cookie", format!("DSR={}", self.page.0));
                let headers = request.headers_mut().unwrap();
                headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
                request
            }
            Kind::Select | Kind::Refresh | Kind::Me => {
                request.header("cookie", format!("DSR={}", self.page.0))
            }
        };
        request.body(Full::from(body.to_owned())).unwrap()
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Told, String> {
        let answer = self.http.request(request).await;
        let (head, body) = answer.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        let code = head.headers.get("x-descope-rejection");
        Ok(Told {
            status: head.status.as_u16(),
            code: code.map_or_else(String::new, |code| code.to_str().unwrap().to_owned()),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// With another payload under the signature, each time.
fn forged(good: &str, n: usize) -> String {
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let payload = format!(r#"{{"sub":"U0","iss":"P1","exp":4102444800,"n":{n}}}"#);
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(payload))
}

/// By a key that nobody has, another one each time.
fn unknown(good: &str, n: usize) -> String {
    let (_, rest) = good.split_once('.').unwrap();
    let header = format!(r#"{{"alg":"RS256","kid":"SKunknown{n}","typ":"JWT"}}"#);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}
