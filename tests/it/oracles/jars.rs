//! Every jar of two pairs of cookies, judged by a model of the rule: the first pair of which either
//! slot holds a genuine token counts, for the session and for the refresh token alike.

use std::time::Duration;

use tower_descope::{cookie::SessionCookies, test_util::FakeDescope};

use crate::{
    routes::{ME, routes},
    support::{
        app,
        browser::Browser,
        code,
        world::{fake, renamed_cookies},
    },
};

/// What a cookie holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Nothing,
    /// A value that is no token of the project.
    Foreign,
    /// A token of the project, as it says, that it never signed.
    Forged,
    Ann,
    Bob,
}

use Held::{Ann, Bob, Foreign, Forged, Nothing};

const ALL: [Held; 5] = [Nothing, Foreign, Forged, Ann, Bob];

impl Held {
    fn user(self) -> Option<&'static str> {
        match self {
            Ann => Some("U1"),
            Bob => Some("U2"),
            Nothing | Foreign | Forged => None,
        }
    }
}

/// A session and a refresh cookie.
type Pair = (Held, Held);

/// Whose session the layer finds, or why none.
fn session(first: Pair, second: Pair) -> &'static str {
    let none = |held| {
        if held == Forged {
            "invalid_token"
        } else {
            "missing_token"
        }
    };
    match (first, second) {
        ((session, _), _) if session.user().is_some() => session.user().unwrap(),
        ((own, refresh), (filling, _)) if refresh.user().is_some() => {
            let filled = filling.user().filter(|user| refresh.user() == Some(user));
            filled.unwrap_or(none(own))
        }
        (_, (session, _)) if session.user().is_some() => session.user().unwrap(),
        (_, (own, refresh)) if refresh.user().is_some() => none(own),
        ((Forged, _), _) => none(Forged),
        (_, (own, _)) => none(own),
    }
}

/// For whom a refresh token is sent, or why for nobody. `host`: nobody else can set the first pair.
fn refresh(host: bool, first: Pair, second: Pair) -> &'static str {
    let counts = |pair: Pair| pair.0.user().is_some() || pair.1.user().is_some();
    let invalid = |forged| {
        if forged {
            "invalid_token"
        } else {
            "missing_refresh_token"
        }
    };
    let sessions = [first.0.user(), second.0.user()];
    let (sent, beside) = if counts(first) {
        let filled = second
            .1
            .user()
            .filter(|user| !host || first.0.user() == Some(user));
        let beside = if host {
            [first.0.user(), None]
        } else {
            sessions
        };
        (first.1.user().or(filled), beside)
    } else {
        (second.1.user(), sessions)
    };
    match sent {
        None if counts(first) => invalid(first.1 == Forged || !host && second.1 == Forged),
        None => invalid(second.1 == Forged || !counts(second) && first.1 == Forged),
        Some(user) if beside.into_iter().flatten().all(|session| session == user) => user,
        Some(_) => "ambiguous_credentials",
    }
}

struct Tokens {
    session: [String; 2],
    refresh: [String; 2],
    forged: [String; 2],
}

impl Tokens {
    fn of(fake: &FakeDescope) -> Self {
        let [ann, bob] = ["ann", "bob"].map(|name| fake.sign_in(&format!("{name}@example.test")));
        Self {
            session: [&ann, &bob].map(|it| it.session_jwt().to_owned()),
            refresh: [&ann, &bob].map(|it| it.refresh_jwt().to_owned()),
            forged: [fake.session("U1"), fake.refresh("U1")]
                .map(|token| token.signed_by_stranger().token()),
        }
    }

    fn value(&self, held: Held, is_refresh: bool) -> &str {
        let genuine = if is_refresh {
            &self.refresh
        } else {
            &self.session
        };
        match held {
            Nothing => "",
            Foreign => "dark-side",
            Forged => &self.forged[usize::from(is_refresh)],
            Ann => &genuine[0],
            Bob => &genuine[1],
        }
    }
}

#[tokio::test]
async fn every_jar_of_two_pairs_is_judged_as_the_rule_says() {
    let plain = renamed_cookies();
    let host = SessionCookies::host_prefixed();
    for (is_host, cookies, names) in [
        (true, host, ["__Host-DS", "__Host-DSR"]),
        (false, plain, ["app", "app_refresh"]),
    ] {
        let fake = fake().start().await;
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        let (app, routes) = (app(&descope), routes(&descope));
        let mut tokens = Tokens::of(&fake);
        let pairs = || {
            ALL.into_iter()
                .flat_map(|session| ALL.map(|refresh| (session, refresh)))
        };
        for (first, second) in pairs().flat_map(|first| pairs().map(move |it| (first, it))) {
            // A session asks for its user once a second; and it does not live forever.
            fake.clock().advance(Duration::from_secs(1));
            if second == (Nothing, Nothing) {
                tokens = Tokens::of(&fake);
            }
            let mut browser = Browser::signed_out(&fake);
            for (name, held, is_refresh) in [
                (names[0], first.0, false),
                (names[1], first.1, true),
                ("DS", second.0, false),
                ("DSR", second.1, true),
            ] {
                browser
                    .jar
                    .insert(name.into(), tokens.value(held, is_refresh).into());
            }
            let what = format!("host names: {is_host}, {first:?}, then {second:?}");
            let page = browser.visit(&app).await;
            let seen = if page.status() == 200 {
                page.body().trim_end_matches("@-")
            } else {
                code(&page)
            };
            assert_eq!(seen, session(first, second), "{what}");
            let answer = browser.call(&routes, ME, "").await;
            let seen = answer.json["userId"].as_str().unwrap_or(answer.error());
            assert_eq!(seen, refresh(is_host, first, second), "{what}");
        }
    }
}
