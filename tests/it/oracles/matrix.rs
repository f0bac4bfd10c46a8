//! One table: the four response modes, with and without rotation, under each kind of cookie name.

use std::{collections::BTreeMap, time::Duration};

use http::Request;
use tower_descope::{
    Descope, SessionRoutes, SessionToken,
    cookie::SessionCookies,
    test_util::{FakeDescope, ResponseMethod},
};

use crate::{
    routes::{self, Browser, LOGOUT, REFRESH, SELECT},
    support::call,
    support::{
        browser::set_cookies,
        world::{EXPIRY, late},
    },
};

/// A cookie of Descope's CDN, which the browser has from elsewhere.
const FOREIGN: (&str, &str) = ("__cf_bm", "mine");

const ATTRIBUTES: [&str; 4] = ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"];

#[derive(Clone, Copy, Debug)]
struct Row {
    session: ResponseMethod,
    refresh: ResponseMethod,
    rotation: bool,
    names: Names,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Names {
    Default,
    HostPrefixed,
    /// Of the project: its tokens are of that kind (`drn`), too.
    Custom,
}

impl Row {
    fn all() -> Vec<Self> {
        let mut rows = Vec::new();
        for names in [Names::Default, Names::HostPrefixed, Names::Custom] {
            for rotation in [true, false] {
                for session in [ResponseMethod::Body, ResponseMethod::Cookies] {
                    for refresh in [ResponseMethod::Body, ResponseMethod::Cookies] {
                        rows.push(Self {
                            session,
                            refresh,
                            rotation,
                            names,
                        });
                    }
                }
            }
        }
        rows
    }

    async fn fake(self) -> FakeDescope {
        let fake = routes::fake()
            .rotation(self.rotation)
            .session_response(self.session)
            .refresh_response(self.refresh);
        match self.names {
            Names::Custom => fake.cookie_names("appS", "appR"),
            Names::Default | Names::HostPrefixed => fake,
        }
        .start()
        .await
    }

    fn descope(self, fake: &FakeDescope) -> Descope {
        let cookies = match self.names {
            Names::Default => SessionCookies::new(),
            Names::HostPrefixed => SessionCookies::host_prefixed(),
            Names::Custom => SessionCookies::new()
                .session_name("appS")
                .refresh_name("appR"),
        };
        fake.descope_builder()
            .cookies(cookies)
            .rotation(self.rotation)
            .cookie_managed(self.refresh == ResponseMethod::Cookies)
            .build()
            .unwrap()
    }

    /// The session's name, the refresh token's.
    fn cookies(self) -> [&'static str; 2] {
        match self.names {
            Names::Default => ["DS", "DSR"],
            Names::HostPrefixed => ["__Host-DS", "__Host-DSR"],
            Names::Custom => ["appS", "appR"],
        }
    }

    /// What a logout removes: with `__Host-` names also those that are read beside them.
    fn removed(self) -> Vec<&'static str> {
        let mut names = self.cookies().to_vec();
        if self.names == Names::HostPrefixed {
            names.extend(["DS", "DSR"]);
        }
        names.sort_unstable();
        names
    }

    /// Whether these lines set what they must and nothing else.
    fn check_lines(self, lines: &[String], step: &str) {
        let [session, refresh] = self.cookies();
        let mut expected = vec![session];
        if self.rotation {
            expected.push(refresh);
        }
        let mut names = Vec::new();
        for line in lines {
            let mut parts = line.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            assert_eq!(value.split('.').count(), 3, "{self:?}, {step}: a token");
            names.push(name);
            let (ages, mut rest): (Vec<_>, Vec<_>) =
                parts.partition(|part| part.starts_with("Max-Age="));
            let age: u64 = ages[0].split_once('=').unwrap().1.parse().unwrap();
            let month = 28 * 24 * 60 * 60;
            assert!(
                ages.len() == 1 && (month - 700 * 10..=month).contains(&age),
                "{self:?}, {step}: {ages:?}"
            );
            let mut attributes = ATTRIBUTES.to_vec();
            attributes.sort_unstable();
            rest.sort_unstable();
            assert_eq!(rest, attributes, "{self:?}, {step}: {name}");
        }
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{self:?}, {step}");
    }
}

/// What a browser of one row goes through.
struct Walk {
    row: Row,
    fake: FakeDescope,
    descope: Descope,
    routes: SessionRoutes,
    browser: Browser,
}

impl Walk {
    async fn start(row: Row) -> Self {
        let fake = row.fake().await;
        let descope = row.descope(&fake);
        let signed_in = fake.sign_in_to("ann@example.test", "T1");
        let mut browser = Browser::signed_out(&fake);
        let [session, refresh] = row.cookies();
        browser.jar = BTreeMap::from([
            (session.to_owned(), signed_in.session_jwt().to_owned()),
            (refresh.to_owned(), signed_in.refresh_jwt().to_owned()),
            (FOREIGN.0.to_owned(), FOREIGN.1.to_owned()),
        ]);
        Self {
            routes: routes::routes(&descope),
            row,
            fake,
            descope,
            browser,
        }
    }

    async fn call(&mut self, path: &str, body: &str, tenant: &str) {
        let before = self.browser.clone();
        let answer = self.browser.call(&self.routes, path, body).await;
        assert_eq!(
            answer.status, 200,
            "{:?}, {path}: {}",
            self.row, answer.text
        );
        let lines: Vec<_> = answer.cookies().into_iter().map(str::to_owned).collect();
        self.row.check_lines(&lines, path);
        self.check_jar(&before, path, tenant).await;
    }

    async fn expire_and_visit(&mut self, tenant: &str) {
        self.fake.clock().advance(EXPIRY);
        let before = self.browser.clone();
        let cookies: Vec<_> = self.browser.jar.iter().collect();
        let cookies: Vec<_> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = Request::get("/")
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookies.join("; "));
        let response = call(&late(&self.descope), request.body(()).unwrap()).await;
        let seen = format!("U1@{tenant}");
        assert_eq!(response.body(), &seen, "{:?}", self.row);
        let lines = set_cookies(response.headers());
        self.row.check_lines(&lines, "renewal");
        for line in &lines {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.browser.jar.insert(name.to_owned(), value.to_owned());
        }
        self.check_jar(&before, "renewal", tenant).await;
    }

    /// Whether the browser has its two cookies, and the stranger's, and both are good.
    async fn check_jar(&self, before: &Browser, step: &str, tenant: &str) {
        let row = self.row;
        let at = format!("{row:?}, {step}");
        let [session, refresh] = row.cookies();
        let (jar, old) = (&self.browser.jar, &before.jar);
        let mut names = [session, refresh, FOREIGN.0];
        names.sort_unstable();
        assert!(jar.keys().eq(names.iter()), "{at}: {:?}", jar.keys());
        assert_eq!(jar[FOREIGN.0], FOREIGN.1, "{at}");
        assert_ne!(jar[session], old[session], "{at}");
        assert_eq!(jar[refresh] != old[refresh], row.rotation, "{at}");
        let verified = self.descope.verify(&SessionToken::new(&jar[session])).await;
        let verified = verified.unwrap_or_else(|error| panic!("{at}: {error:?}"));
        assert_eq!(verified.active_tenant().unwrap().id(), tenant, "{at}");
    }

    async fn log_out(mut self) {
        let row = self.row;
        let answer = self.browser.call(&self.routes, LOGOUT, "{}").await;
        assert_eq!((answer.status, &*answer.text), (200, "{}"), "{row:?}");
        let mut names = Vec::new();
        for line in answer.cookies() {
            let (name, rest) = line.split_once('=').unwrap();
            names.push(name);
            for part in ATTRIBUTES.into_iter().chain(["Max-Age=0"]) {
                assert!(rest.contains(part), "{row:?}: {line}");
            }
            assert!(!rest.contains("Domain"), "{row:?}: {line}");
        }
        names.sort_unstable();
        assert_eq!(names, row.removed(), "{row:?}");
        let left: Vec<_> = self.browser.jar.keys().collect();
        assert_eq!(left, [FOREIGN.0], "{row:?}: only what is not ours");
        assert_eq!(self.fake.calls(LOGOUT), 1, "{row:?}");
        for request in self.fake.requests() {
            let cookies = request.header("cookie").unwrap_or_default();
            assert!(!cookies.contains(FOREIGN.0), "{row:?}: {cookies}");
        }
    }
}

#[tokio::test]
async fn every_mode_keeps_its_browser_signed_in_with_exactly_its_cookies() {
    let rows = Row::all();
    assert_eq!(rows.len(), 24);
    for row in rows {
        let mut walk = Walk::start(row).await;
        walk.call(REFRESH, "{}", "T1").await;
        // Nothing below is to be answered with what was kept before.
        walk.fake.clock().advance(Duration::from_secs(1));
        walk.call(SELECT, r#"{"tenant":"T2"}"#, "T2").await;
        walk.fake.clock().advance(Duration::from_secs(1));
        walk.call(REFRESH, "{}", "T2").await;
        walk.expire_and_visit("T2").await;
        walk.expire_and_visit("T2").await;
        walk.log_out().await;
    }
}
