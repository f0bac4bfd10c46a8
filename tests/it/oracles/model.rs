//! For all claims, times, places, rules and key sets: the verdict is the one that the policy gives
//! when it is written down as a slow, obvious program.

mod cases;
mod json;
mod payload;
mod policy;

use std::time::Duration;

use proptest::{prelude::*, test_runner::TestRunner};
use tower_descope::{
    Descope, DescopeBuilder, ErrorKind, RefreshToken, Rejection, RejectionKind, Session,
    SessionToken, TenantClaims,
    cookie::SessionCookies,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, async_trait, parse_key_set},
    test_util::{FakeDescope, TestClock},
};

use self::{
    cases::{Case, KEYS, NOW, Rules, Signer},
    policy::{Active, Policy, Rights, Seen, Slot, Verdict},
};

struct Fixed(String);

#[async_trait]
impl JwksSource for Fixed {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        parse_key_set(self.0.as_bytes())
    }
}

/// A fake with one key of each sort that is quick to sign with, and one of RSA.
async fn fake() -> FakeDescope {
    let wall = std::time::UNIX_EPOCH + Duration::from_secs(NOW);
    let fake = FakeDescope::builder()
        .clock(TestClock::at(wall))
        .algorithm(KEYS[0])
        .start()
        .await;
    for algorithm in &KEYS[1..] {
        fake.add_key_for(algorithm);
    }
    fake
}

fn token(fake: &FakeDescope, case: &Case) -> String {
    let mut token = fake.session("U1").raw_payload(&case.payload);
    token = match case.signer {
        Signer::Key(algorithm) => token.key_algorithm(algorithm),
        Signer::Stranger => token.signed_by_stranger(),
        Signer::PublicHalf => token.signed_with_public_key(),
        Signer::Nobody => token.unsigned(),
    };
    for (name, value) in &case.header {
        token = match value {
            Some(value) => token.header(*name, value.clone()),
            None => token.without_header(*name),
        };
    }
    token.token()
}

fn build(fake: &FakeDescope, rules: &Rules, keys: String) -> Descope {
    let builder: DescopeBuilder = Descope::builder(fake.project_id())
        // Nobody listens there: a refresh token that passes goes up, and comes back at once.
        .base_url("http://127.0.0.1:1")
        .clock(fake.clock().clone())
        .jwks_source(Fixed(keys))
        .audience(rules.audience.iter().copied())
        .issuers(rules.issuers.iter().copied())
        .session_kinds(rules.session_kinds.iter().copied())
        .refresh_kinds(rules.refresh_kinds.iter().copied())
        .resource_server(rules.resource_server)
        .require_token_kind(rules.require_kind)
        .allow_refresh_without_kind(rules.refresh_without_kind)
        .leeway(Duration::from_secs(rules.leeway))
        .issued_at_leeway(Duration::from_secs(rules.issued_at_leeway))
        .tenant_claims(match rules.rights {
            Rights::Auto => TenantClaims::Auto,
            Rights::Listed => TenantClaims::Listed,
            Rights::CurrentOnly => TenantClaims::CurrentOnly,
        });
    let cookies = if rules.host_prefixed {
        SessionCookies::host_prefixed()
    } else {
        SessionCookies::new()
    };
    builder.cookies(cookies).build().unwrap()
}

/// What the policy says, of the same rules in its own words.
fn policy(fake: &FakeDescope, rules: &Rules, usable: Vec<(String, String)>) -> Policy {
    let own = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let kinds = |standard: &str, more: &[&'static str]| {
        let mut kinds = own(more);
        kinds.push(standard.to_owned());
        if rules.host_prefixed {
            kinds.push(format!("__Host-{standard}"));
        }
        kinds
    };
    #[expect(clippy::cast_precision_loss, reason = "minutes at most")]
    let seconds = |seconds: u64| seconds as f64;
    Policy {
        project: fake.project_id().to_owned(),
        issuers: own(&rules.issuers),
        audience: own(&rules.audience),
        session_kinds: kinds("DS", &rules.session_kinds),
        refresh_kinds: kinds("DSR", &rules.refresh_kinds),
        resource_server: rules.resource_server,
        require_kind: rules.require_kind,
        refresh_without_kind: rules.refresh_without_kind,
        leeway: seconds(rules.leeway),
        issued_at_leeway: seconds(rules.issued_at_leeway),
        max_token_len: 16 * 1024,
        rights: rules.rights,
        keys: usable,
    }
}

fn seen(session: &Session) -> Seen {
    let active = session.active_tenant();
    let own = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    Seen {
        user: session.user_id().as_str().to_owned(),
        subject: session.subject().to_owned(),
        issuer: session.issuer().to_owned(),
        // Compared apart, for the crate ends it at the year 9999.
        expires: 0.0,
        stepped_up: session.is_stepped_up(),
        project_roles: own(session.project_roles().collect()),
        tenants: own(session.tenants().collect()),
        active: match &active {
            Ok(tenant) => Ok(Active {
                id: tenant.id().as_str().to_owned(),
                roles: own(tenant.roles().collect()),
                permissions: own(tenant.permissions().collect()),
            }),
            Err(rejection) => Err(rejection.code()),
        },
    }
}

fn ours(verdict: Result<Session, Rejection>) -> Verdict {
    match verdict {
        Ok(session) => Verdict::Good(Box::new(seen(&session))),
        Err(rejection) if rejection.kind() == RejectionKind::ExpiredToken => Verdict::Expired,
        Err(rejection) if rejection.kind() == RejectionKind::AnonymousSession => Verdict::Anonymous,
        Err(rejection) => {
            assert_eq!(
                rejection.kind(),
                RejectionKind::InvalidToken,
                "{rejection:?}"
            );
            Verdict::Invalid
        }
    }
}

/// What both can say of a token in the refresh slot: a good one goes up, where nobody answers.
fn spent(kind: ErrorKind) -> Result<(), Verdict> {
    match kind {
        ErrorKind::UpstreamUnavailable => Ok(()),
        ErrorKind::SessionEnded => Err(Verdict::Expired),
        ErrorKind::InvalidRefreshToken => Err(Verdict::Invalid),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_verdict_is_the_policys() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let fake = runtime.block_on(fake());
    let published = fake.jwks();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        cases: ProptestConfig::default().cases.max(512),
        ..ProptestConfig::default()
    });
    // How many got which verdict: a generator that only makes junk would prove nothing.
    let counts = std::cell::Cell::new([0_u32; 4]);
    let run = runner.run(&cases::case(fake.project_id()), |case| {
        let (keys, usable) = cases::key_set(&published, &case.set);
        let descope = build(&fake, &case.rules, keys);
        let policy = policy(&fake, &case.rules, usable);
        let token = token(&fake, &case);
        let wall = std::time::UNIX_EPOCH + Duration::from_secs(case.now);
        fake.clock().set_wall(wall);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let now = case.now as f64;
        let signer = case.signer.kid(&published);
        let mut expected = policy::judge(&policy, &token, case.slot, now, |kid, _, _| {
            signer.as_deref() == Some(kid)
        });
        if let Verdict::Good(seen) = &mut expected {
            seen.expires = 0.0;
        }
        let mut seen = counts.get();
        seen[match expected {
            Verdict::Good(_) => 0,
            Verdict::Expired => 1,
            Verdict::Invalid | Verdict::Either => 2,
            Verdict::Anonymous => 3,
        }] += 1;
        counts.set(seen);
        match case.slot {
            Slot::Session => {
                let first = ours(runtime.block_on(descope.verify(&SessionToken::new(&token))));
                if expected != Verdict::Either {
                    prop_assert_eq!(&first, &expected, "{}", token);
                }
                // The same bytes again: whatever is remembered of a verdict, it is the same one.
                let again = ours(runtime.block_on(descope.verify(&SessionToken::new(&token))));
                prop_assert_eq!(first, again);
            }
            Slot::Refresh => {
                let answer = runtime.block_on(descope.refresh(&RefreshToken::new(&*token)));
                let ours = spent(answer.expect_err("nobody answers").kind());
                match expected {
                    Verdict::Good(_) => prop_assert_eq!(ours, Ok(())),
                    Verdict::Either => {}
                    bad => prop_assert_eq!(ours, Err(bad)),
                }
            }
        }
        Ok(())
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
    let [good, expired, invalid, anonymous] = counts.get();
    println!("verdicts: {good} good, {expired} expired, {invalid} invalid, {anonymous} anonymous");
    assert!(
        good > 50 && expired > 0 && invalid > 50 && anonymous > 0,
        "{good} {expired} {invalid} {anonymous}"
    );
}
