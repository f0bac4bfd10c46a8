//! What is remembered of tokens that were verified.

use std::sync::Arc;

use serde_json::json;

use super::bench::{Bench, KEEP, LIFE, rotated};
use crate::{
    clock::Clock,
    digest::Digest,
    jwt::{claims::Claims, key::VerifyingKey},
    rotation::{call::Operation, table::Holder},
    session::{Session, SignedToken, TenantClaims},
    token::RefreshToken,
};

/// A token, as if it had been verified.
fn signed(token: &str) -> Arc<SignedToken> {
    // The point of RFC 7515 appendix A.3.
    let jwk = json!({
        "kty": "EC", "kid": "a", "alg": "ES256", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let jwk = serde_json::from_value(jwk).unwrap();
    let claims = Claims::parse(r#"{"iss":"P1","sub":"U1","exp":1}"#.into()).unwrap();
    Arc::new(SignedToken {
        digest: digest(token),
        session: Session::new(claims, TenantClaims::default(), Clock::System, None),
        key: Arc::new(VerifyingKey::from_jwk(&jwk).unwrap()),
    })
}

fn digest(token: &str) -> Digest {
    Digest::of_test(&RefreshToken::new(token))
}

/// A request with a token that was verified.
fn present(bench: &mut Bench, token: &str) {
    let holder = Holder {
        user: bench.user(token),
        shows_session: false,
        has_shown: true,
        issued_at: None,
        signed_out: false,
        life: LIFE,
    };
    let (now, signed) = (bench.now, signed(token));
    let text = RefreshToken::new(token);
    let arrival = (bench.table).arrive(&text, signed.digest, holder, Some(&signed), now);
    bench.table.leave(arrival.family);
}

fn is_remembered(bench: &Bench, token: &str) -> bool {
    bench.table.signed(digest(token)).is_some()
}

#[test]
fn a_family_remembers_the_two_tokens_that_came_last() {
    let mut bench = Bench::new(KEEP);
    for (token, successor) in [("a", "b"), ("b", "c")] {
        present(&mut bench, token);
        bench.call(token, &Operation::Refresh, rotated(1, successor, "T1"));
    }
    present(&mut bench, "c");
    let remembered = |bench: &Bench| ["a", "b", "c"].map(|token| is_remembered(bench, token));
    assert_eq!(remembered(&bench), [false, true, true]);
    // One that comes again and again takes nobody's place.
    present(&mut bench, "c");
    present(&mut bench, "c");
    assert_eq!(remembered(&bench), [false, true, true]);
    present(&mut bench, "a");
    assert_eq!(remembered(&bench), [true, false, true]);
}

#[test]
fn what_is_remembered_is_counted_and_never_over_the_bound() {
    let mut bench = Bench::of_size(KEEP, 100);
    let tokens: Vec<String> = (0..50).map(|number| format!("u{number}-a")).collect();
    for token in &tokens {
        let successor = format!("{token}-successor");
        bench.call(token, &Operation::Refresh, rotated(1, &successor, "T1"));
    }
    let bare = bench.table.bytes;
    let size = signed("u0-a").size();
    present(&mut bench, "u0-a");
    assert_eq!(bench.table.bytes, bare + size);
    // Room for every second one.
    bench.table.bounds.bytes = bare + 25 * size;
    for _ in 0..2 {
        for token in &tokens {
            present(&mut bench, token);
            assert!(bench.table.bytes <= bench.table.bounds.bytes);
        }
    }
    let remembered = tokens.iter().filter(|token| is_remembered(&bench, token));
    assert_eq!(remembered.count(), 25);
    // Nothing has given way for it.
    assert_eq!(bench.table.bytes, bench.table.bounds.bytes);
    assert_eq!(bench.table.len().0, 50);
}

#[test]
fn what_is_remembered_gives_way_first_and_goes_with_its_family() {
    let mut bench = Bench::of_size(KEEP, 1);
    bench.call("u0-a", &Operation::Refresh, rotated(1, "u0-b", "T1"));
    let bare = bench.table.bytes;
    present(&mut bench, "u0-a");
    assert!(is_remembered(&bench, "u0-a"));
    bench.table.bounds.bytes = bench.table.bytes - 1;
    let now = bench.now;
    bench.table.make_room(now);
    assert_eq!(bench.table.bytes, bare, "and nothing else");
    assert!(!is_remembered(&bench, "u0-a"));
    bench.table.bounds.bytes = usize::MAX;
    present(&mut bench, "u0-a");
    assert!(is_remembered(&bench, "u0-a"));
    bench.call("u1-a", &Operation::Refresh, rotated(1, "u1-b", "T1"));
    assert!(!is_remembered(&bench, "u0-a"));
}
