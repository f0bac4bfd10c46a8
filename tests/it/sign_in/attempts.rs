//! Which tokens are adopted: all kinds of them, judged by a model of the rules. Whatever is refused
//! changes nothing, neither here nor at Descope nor in the browser.

use serde_json::json;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, SessionToken,
    test_util::{FakeDescope, TokenBuilder},
};

use super::lines;
use crate::{
    routes::calls,
    support::{browser::Browser, world::fake},
};

/// What a token says that it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Session,
    Refresh,
    Other,
    Unsaid,
    /// As those of access keys: neither a kind nor a method nor a refresh token beside it.
    Machine,
    /// As those of Descope's OAuth server.
    OAuth,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Signer {
    Own,
    OtherProject,
    Stranger,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Methods {
    Named,
    Empty,
    Absent,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    signer: Signer,
    user: &'static str,
    /// How many seconds ago it was issued.
    age: Option<i64>,
    methods: Methods,
    anonymous: bool,
    expired: bool,
}

/// What a service takes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    without_methods: bool,
    anonymous: bool,
}

/// A kind, and words of the message.
type Refused = (ErrorKind, &'static str);

const GOOD: Token = Token {
    kind: Kind::Session,
    signer: Signer::Own,
    user: "U1",
    age: Some(0),
    methods: Methods::Named,
    anonymous: false,
    expired: false,
};

const GOOD_REFRESH: Token = Token {
    kind: Kind::Refresh,
    ..GOOD
};

const AGES: [Option<i64>; 6] = [Some(0), Some(299), Some(301), None, Some(-30), Some(-90)];

impl Token {
    /// Says what is said of it of a token of the fake.
    fn text(self, token: TokenBuilder) -> String {
        let mut token = match self.kind {
            Kind::Session => token.kind("DS"),
            Kind::Refresh => token.kind("DSR"),
            Kind::Other => token.kind("DPN"),
            Kind::Unsaid => token.without("drn"),
            Kind::Machine => token.without("drn").without("rexp").without("amr"),
            Kind::OAuth => token.kind("DS").claim("token_type", "access_token"),
        };
        token = match self.signer {
            Signer::Own => token,
            Signer::OtherProject => token.issuer("P2otherotherotherotherothero"),
            Signer::Stranger => token.signed_by_stranger(),
        };
        token = match self.methods {
            Methods::Named => token,
            Methods::Empty => token.claim("amr", json!([])),
            Methods::Absent => token.without("amr"),
        };
        if self.anonymous {
            token = token.claim("danu", true);
        }
        token = match self.age {
            Some(seconds) => token.issued_at(-seconds),
            None => token.without("iat"),
        };
        if self.expired {
            token = token.expires_in(-60);
        }
        token.token()
    }

    fn methods(self) -> Methods {
        match self.kind {
            Kind::Machine => Methods::Absent,
            _ => self.methods,
        }
    }
}

/// The rules, as they are written down.
fn verdict(session: Token, refresh: Token, taken: Taken) -> Result<(), Refused> {
    let invalid_refresh = Err((ErrorKind::InvalidRefreshToken, "refresh token"));
    let invalid_session = Err((ErrorKind::InvalidSessionToken, "session token"));
    let no_sign_in = |words| Err((ErrorKind::NotASignIn, words));
    if refresh.signer != Signer::Own
        || !matches!(refresh.kind, Kind::Refresh | Kind::Unsaid | Kind::Machine)
    {
        return invalid_refresh;
    }
    if refresh.expired {
        return Err((ErrorKind::SessionEnded, "refresh token has expired"));
    }
    if refresh.age == Some(-90) || refresh.kind != Kind::Refresh {
        return invalid_refresh;
    }
    let names_another_kind = matches!(session.kind, Kind::Refresh | Kind::Other | Kind::OAuth);
    if session.signer != Signer::Own || names_another_kind {
        return invalid_session;
    }
    if session.expired {
        return Err((ErrorKind::SessionEnded, "session token has expired"));
    }
    if session.age == Some(-90) {
        return no_sign_in("issued in the future");
    }
    if session.kind != Kind::Session {
        return invalid_session;
    }
    if session.user != refresh.user {
        return no_sign_in("different users");
    }
    match session.age {
        None => return no_sign_in("does not say when"),
        Some(301) => return no_sign_in("too long ago"),
        Some(_) => {}
    }
    if session.anonymous {
        let refused = Err((ErrorKind::AnonymousSession, "allow_anonymous"));
        return if taken.anonymous { Ok(()) } else { refused };
    }
    if session.methods() != Methods::Named && !taken.without_methods {
        return no_sign_in("sign_in_without_methods");
    }
    Ok(())
}

/// Two services, each with a browser in which Ann is signed in.
struct Bed {
    fake: FakeDescope,
    strict: (Descope, Browser),
    lenient: (Descope, Browser),
}

impl Bed {
    async fn new() -> Self {
        let fake = fake().algorithm("ES256").start().await;
        let build = |without_methods| {
            let descope = fake.descope_builder().allow_refresh_without_kind(true);
            let descope = descope.sign_in_without_methods(without_methods);
            (descope.build().unwrap(), Browser::ann(&fake))
        };
        let (strict, lenient) = (build(false), build(true));
        Self {
            fake,
            strict,
            lenient,
        }
    }

    /// Adopts two tokens under each setting, and checks it against the model. What is refused comes
    /// from the browser in which Ann is signed in. Returns how many were adopted.
    async fn judge(&self, session: Token, refresh: Token, texts: &[String; 2]) -> usize {
        let mut adopted = 0;
        for (without_methods, anonymous) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let taken = Taken {
                without_methods,
                anonymous,
            };
            let expected = verdict(session, refresh, taken);
            let nobody = Browser::default();
            let (descope, anns) = if without_methods {
                &self.lenient
            } else {
                &self.strict
            };
            let browser = match expected {
                Ok(()) => &nobody,
                Err(_) => anns,
            };
            let [first, second] = texts;
            let adopt = descope.adopt(
                &browser.headers(),
                SessionToken::new(&**first),
                RefreshToken::new(&**second),
            );
            match (adopt.allow_anonymous(anonymous).await, expected) {
                (Ok(signed_in), Ok(())) => {
                    adopted += 1;
                    assert_eq!(signed_in.session().is_anonymous(), session.anonymous);
                    assert_eq!(lines(&signed_in).len(), 2, "{session:?} {refresh:?}");
                }
                (Err(error), Err((kind, words))) => {
                    assert_eq!(error.kind(), kind, "{session:?} {refresh:?}: {error}");
                    assert!(error.to_string().contains(words), "{words}: {error}");
                    assert!(!error.to_string().contains("eyJ"));
                }
                (result, expected) => {
                    panic!("{session:?} {refresh:?} {taken:?}: {expected:?}, not {result:?}")
                }
            }
        }
        adopted
    }

    /// Whatever was refused left no trace.
    async fn assert_nothing_happened(&self) {
        assert_eq!(calls(&self.fake), 0, "nothing went up");
        for (descope, browser) in [&self.strict, &self.lenient] {
            assert!(browser.renews(descope).await, "Ann is still signed in");
        }
    }
}

#[tokio::test]
async fn every_session_token_is_adopted_or_refused_as_the_rules_say() {
    let bed = Bed::new().await;
    let mut adopted = 0;
    let refresh = GOOD_REFRESH.text(bed.fake.refresh("U1"));
    for kind in [
        Kind::Session,
        Kind::Refresh,
        Kind::Other,
        Kind::Unsaid,
        Kind::Machine,
        Kind::OAuth,
    ] {
        for signer in [Signer::Own, Signer::OtherProject, Signer::Stranger] {
            for (user, age) in ["U1", "U2"]
                .into_iter()
                .flat_map(|user| AGES.map(|age| (user, age)))
            {
                for methods in [Methods::Named, Methods::Empty, Methods::Absent] {
                    for (anonymous, expired) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        let session = Token {
                            kind,
                            signer,
                            user,
                            age,
                            methods,
                            anonymous,
                            expired,
                        };
                        let texts = [session.text(bed.fake.session(user)), refresh.clone()];
                        adopted += bed.judge(session, GOOD_REFRESH, &texts).await;
                    }
                }
            }
        }
    }
    // Three ages: of each, with a method in all four settings, without in two of two each, anonymous
    // in two of three each.
    assert_eq!(adopted, 3 * (4 + 2 * 2 + 3 * 2));
    bed.assert_nothing_happened().await;
}

#[tokio::test]
async fn every_refresh_token_is_adopted_or_refused_as_the_rules_say() {
    let bed = Bed::new().await;
    let sessions = [
        GOOD,
        Token { user: "U2", ..GOOD },
        Token {
            kind: Kind::Unsaid,
            ..GOOD
        },
        Token {
            signer: Signer::Stranger,
            ..GOOD
        },
        Token {
            expired: true,
            ..GOOD
        },
        Token {
            age: Some(301),
            ..GOOD
        },
    ];
    let sessions = sessions.map(|session| (session, session.text(bed.fake.session(session.user))));
    let mut adopted = 0;
    for kind in [
        Kind::Session,
        Kind::Refresh,
        Kind::Other,
        Kind::Unsaid,
        Kind::Machine,
        Kind::OAuth,
    ] {
        for signer in [Signer::Own, Signer::OtherProject, Signer::Stranger] {
            for (user, age) in ["U1", "U2"]
                .into_iter()
                .flat_map(|user| AGES.map(|age| (user, age)))
            {
                for expired in [false, true] {
                    let refresh = Token {
                        kind,
                        signer,
                        user,
                        age,
                        expired,
                        ..GOOD_REFRESH
                    };
                    let text = refresh.text(bed.fake.refresh(user));
                    for (session, session_text) in &sessions {
                        let texts = [session_text.clone(), text.clone()];
                        adopted += bed.judge(*session, refresh, &texts).await;
                    }
                }
            }
        }
    }
    // Two users, each with a good session, five ages, four settings.
    assert_eq!(adopted, 2 * 5 * 4);
    bed.assert_nothing_happened().await;
}
