//! Key sets that arrive in good order and are not what they should be.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_descope::test_util::FakeDescope;

use crate::support::{advance, app, verdict};

/// A project with two keys: one that is always in order, and one that is not.
struct World {
    fake: FakeDescope,
    good: Value,
    other: Value,
    /// Genuine sessions, signed by either.
    by_good: String,
    by_other: String,
}

impl World {
    async fn new() -> Self {
        let fake = FakeDescope::start().await;
        let good = fake.jwks()["keys"][0].clone();
        let kid = fake.add_key();
        let keys = fake.jwks()["keys"].as_array().unwrap().clone();
        let other = keys.into_iter().find(|key| key["kid"] == *kid).unwrap();
        let session = || fake.session("U1").expires_in(86_400);
        Self {
            by_good: session().token(),
            by_other: session().signed_by(kid).token(),
            good,
            other,
            fake,
        }
    }

    /// The other key, with a member that is something else.
    fn with(&self, member: &str, value: impl Into<Value>) -> Value {
        let mut key = self.other.clone();
        key[member] = value.into();
        key
    }

    fn without(&self, member: &str) -> Value {
        let mut key = self.other.clone();
        key.as_object_mut().unwrap().remove(member);
        key
    }

    /// The other key's modulus, cut or repeated to so many bits; odd, and the highest bit set.
    fn with_bits(&self, bits: usize) -> Value {
        let n = self.other["n"].as_str().unwrap();
        let n = URL_SAFE_NO_PAD.decode(n).unwrap();
        let mut n: Vec<u8> = n.into_iter().cycle().take(bits.div_ceil(8)).collect();
        let spare = (8 - bits % 8) % 8;
        n[0] = (n[0] | 0x80) >> spare;
        *n.last_mut().unwrap() |= 1;
        self.with("n", URL_SAFE_NO_PAD.encode(n))
    }

    fn ec(&self, crv: &str, alg: &str, x: &[u8], y: &[u8]) -> Value {
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let kid = &self.other["kid"];
        json!({"kty": "EC", "kid": kid, "alg": alg, "use": "sig", "crv": crv, "x": x, "y": y})
    }

    fn ed(&self, x: &[u8]) -> Value {
        let (kid, x) = (&self.other["kid"], URL_SAFE_NO_PAD.encode(x));
        json!({"kty": "OKP", "kid": kid, "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": x})
    }

    /// What sessions by either key come to when this is what a fresh service fetches, and how many
    /// keys it then has.
    async fn load(&self, set: String) -> (String, String, usize) {
        self.fake.set_jwks_body(Some(set));
        let descope = self.fake.descope();
        let app = app(&descope);
        let good = verdict(&app, &self.by_good).await;
        let other = verdict(&app, &self.by_other).await;
        (good, other, descope.key_status().count())
    }
}

fn set(keys: &[&Value]) -> String {
    json!({ "keys": keys }).to_string()
}

const SERVED: &str = "U1@-";
const REFUSED: &str = "invalid_token";

/// What the other key is in place of a key.
fn no_keys(world: &World) -> Vec<(&'static str, Value)> {
    let kid = world.other["kid"].clone();
    let text = |member: &str| world.other[member].as_str().unwrap().to_owned();
    let (one, half) = ([1; 32], [7; 31]);
    vec![
        ("null", Value::Null),
        ("a number", json!(7)),
        ("a text", json!("key")),
        ("an array", json!([world.other])),
        ("an empty object", json!({})),
        ("RSA of 512 bits", world.with_bits(512)),
        ("RSA of 1024 bits", world.with_bits(1_024)),
        ("RSA of 2047 bits", world.with_bits(2_047)),
        ("RSA of 4097 bits", world.with_bits(4_097)),
        ("RSA of 8192 bits", world.with_bits(8_192)),
        ("RSA of 65536 bits", world.with_bits(65_536)),
        ("exponent 0", world.with("e", "AA")),
        ("exponent 1", world.with("e", "AQ")),
        ("exponent 2", world.with("e", "Ag")),
        ("exponent 65536", world.with("e", "AQAA")),
        ("exponent 2^33 + 1", world.with("e", "AgAAAAE")),
        (
            "exponent as large as the modulus",
            world.with("e", text("n")),
        ),
        ("exponent with padding", world.with("e", "AQAB=")),
        ("no exponent", world.without("e")),
        ("no modulus", world.without("n")),
        ("modulus null", world.with("n", Value::Null)),
        ("modulus empty", world.with("n", "")),
        ("modulus a number", world.with("n", 65_537)),
        ("modulus no base64url", world.with("n", "+/+/")),
        (
            "modulus with white space",
            world.with("n", format!(" {}", text("n"))),
        ),
        ("private: d", world.with("d", "AQAB")),
        ("private: d null", world.with("d", Value::Null)),
        ("private: p", world.with("p", "AQAB")),
        ("private: dp", world.with("dp", "AQAB")),
        ("private: oth", world.with("oth", json!([]))),
        ("secret: k", world.with("k", "c2VjcmV0")),
        ("oct", world.with("kty", "oct")),
        (
            "oct alone",
            json!({"kty": "oct", "kid": kid, "alg": "HS256", "k": "c2VjcmV0"}),
        ),
        ("for encryption", world.with("use", "enc")),
        ("for nothing known", world.with("use", "foo")),
        ("key_ops encrypt", world.with("key_ops", json!(["encrypt"]))),
        ("key_ops sign", world.with("key_ops", json!(["sign"]))),
        ("key_ops of none", world.with("key_ops", json!([]))),
        ("key_ops a text", world.with("key_ops", "verify")),
        ("alg none", world.with("alg", "none")),
        ("alg HS256", world.with("alg", "HS256")),
        ("alg of a curve", world.with("alg", "ES256")),
        ("alg for encryption", world.with("alg", "RSA-OAEP")),
        ("alg a number", world.with("alg", 256)),
        ("kty EC", world.with("kty", "EC")),
        ("kty unknown", world.with("kty", "AKP")),
        ("kty in small letters", world.with("kty", "rsa")),
        ("no kty", world.without("kty")),
        ("no kid", world.without("kid")),
        ("kid empty", world.with("kid", "")),
        ("kid a number", world.with("kid", 7)),
        (
            "off the curve, P-256",
            world.ec("P-256", "ES256", &one, &one),
        ),
        (
            "origin, P-256",
            world.ec("P-256", "ES256", &[0; 32], &[0; 32]),
        ),
        ("short, P-256", world.ec("P-256", "ES256", &half, &half)),
        (
            "off the curve, P-384",
            world.ec("P-384", "ES384", &[1; 48], &[1; 48]),
        ),
        ("P-256 named P-384", world.ec("P-384", "ES384", &one, &one)),
        ("P-521", world.ec("P-521", "ES512", &[1; 66], &[1; 66])),
        ("secp256k1", world.ec("secp256k1", "ES256K", &one, &one)),
        ("Ed25519 of 31 bytes", world.ed(&half)),
        ("Ed25519 of zeros", world.ed(&[0; 32])),
    ]
}

#[tokio::test]
async fn one_key_that_is_none_is_skipped_wherever_it_stands_and_the_good_one_works() {
    let world = World::new().await;
    let bad = no_keys(&world);
    let loaded = world.load(set(&[&world.good, &world.other])).await;
    assert_eq!(loaded, (SERVED.into(), SERVED.into(), 2));
    for (what, key) in &bad {
        for keys in [[&world.good, key], [key, &world.good]] {
            let loaded = world.load(set(&keys)).await;
            assert_eq!(loaded, (SERVED.into(), REFUSED.into(), 1), "{what}");
        }
        // Alone it is no set: nothing to tell by, rather than a key too many.
        let (_, verdict, count) = world.load(set(&[key])).await;
        assert_eq!((&*verdict, count), ("keys_unavailable", 0), "{what}");
    }
    // Which of the backends looks at this one when it is loaded is open; neither verifies with it.
    let (good, other, _) = world.load(set(&[&world.ed(&[2; 32]), &world.good])).await;
    assert_eq!(
        (&*good, &*other),
        (SERVED, REFUSED),
        "Ed25519 off its curve"
    );
    // And all at once.
    let mut all: Vec<&Value> = bad.iter().map(|(_, key)| key).collect();
    all.insert(all.len() / 2, &world.good);
    let loaded = world.load(set(&all)).await;
    assert_eq!(loaded, (SERVED.into(), REFUSED.into(), 1));
}

#[tokio::test]
async fn what_is_only_unusual_is_a_key() {
    let world = World::new().await;
    for (what, key, verdict) in [
        ("no alg", world.without("alg"), SERVED),
        ("no use", world.without("use"), SERVED),
        (
            "key_ops verify",
            world.with("key_ops", json!(["verify"])),
            SERVED,
        ),
        (
            "more members",
            world.with("x5c", json!(["garbage"])),
            SERVED,
        ),
        (
            "more members",
            world.with("jku", "http://127.0.0.1:9/"),
            SERVED,
        ),
        // A key, but not the one that signed, or not for this.
        ("RSA of 4096 bits", world.with_bits(4_096), REFUSED),
        ("alg RS384", world.with("alg", "RS384"), REFUSED),
        ("alg PS256", world.with("alg", "PS256"), REFUSED),
        ("another kid", world.with("kid", "SKother"), REFUSED),
    ] {
        let loaded = world.load(set(&[&key, &world.good])).await;
        assert_eq!(loaded, (SERVED.into(), verdict.into(), 2), "{what}");
    }
}

#[tokio::test]
async fn two_keys_of_one_kid_are_none_and_one_key_twice_is_one() {
    let world = World::new().await;
    let namesake = world.with("n", world.good["n"].clone());
    let (good, other) = (&world.good, &world.other);
    for keys in [
        [good, other, &namesake],
        [&namesake, good, other],
        [other, &namesake, good],
    ] {
        let loaded = world.load(set(&keys)).await;
        assert_eq!(loaded, (SERVED.into(), REFUSED.into(), 1));
    }
    let loaded = world.load(set(&[other, good, other])).await;
    assert_eq!(loaded, (SERVED.into(), SERVED.into(), 2));
    // Also where the namesake could be no key by itself.
    for (member, value) in [("d", "AQAB"), ("use", "enc"), ("n", "AQAB")] {
        let twin = world.with(member, value);
        for keys in [[&twin, other, good], [good, other, &twin]] {
            let loaded = world.load(set(&keys)).await;
            assert_eq!(loaded, (SERVED.into(), REFUSED.into(), 1), "{member}");
        }
    }
}

#[tokio::test]
async fn of_a_member_that_stands_twice_the_last_counts_as_rfc_7517_wants() {
    let world = World::new().await;
    let (good, other) = (&world.good, &world.other);
    let twice = |first: &[&Value], last: &[&Value]| {
        format!(r#"{{"keys":{},"keys":{}}}"#, json!(first), json!(last))
    };
    let loaded = world.load(twice(&[other], &[good])).await;
    assert_eq!(loaded, (SERVED.into(), REFUSED.into(), 1));
    let (_, _, count) = world.load(twice(&[good], &[])).await;
    assert_eq!(count, 0);
    for (members, verdict) in [
        (r#""kid":"x","#, SERVED),
        (r#""use":"enc","#, SERVED),
        (r#""n":"AQAB","#, SERVED),
        (r#""alg":"none","#, SERVED),
    ] {
        let before = other.to_string().replacen('{', &format!("{{{members}"), 1);
        let after = other.to_string();
        let member = members.trim_end_matches(',');
        let after = format!("{},{member}}}", &after[..after.len() - 1]);
        let loaded = world.load(format!(r#"{{"keys":[{good},{before}]}}"#)).await;
        assert_eq!(loaded.1, verdict, "{members} first");
        let loaded = world.load(format!(r#"{{"keys":[{good},{after}]}}"#)).await;
        assert_eq!(loaded.1, REFUSED, "{members} last");
    }
}

#[tokio::test]
async fn too_many_keys_are_a_failed_fetch_and_never_a_cut_set() {
    let world = World::new().await;
    let many = |count: usize| {
        let mut keys = vec![world.good.clone()];
        keys.resize(count, json!({}));
        json!({ "keys": keys }).to_string()
    };
    assert_eq!(world.load(many(100)).await.0, SERVED);
    assert_eq!(world.load(many(101)).await.0, "keys_unavailable");
    assert_eq!(world.load(many(10_000)).await.0, "keys_unavailable");
    // 10,000 that could all be keys: beyond the bytes, too.
    let keys: Vec<Value> = (0..10_000)
        .map(|n| world.with("kid", format!("SK{n}")))
        .collect();
    let keys: Vec<&Value> = keys.iter().collect();
    assert_eq!(world.load(set(&keys)).await.0, "keys_unavailable");
}

#[tokio::test]
async fn a_set_that_is_none_replaces_no_good_one_and_the_next_good_one_does() {
    let world = World::new().await;
    let descope = world.fake.descope();
    let app = app(&descope);
    let both = set(&[&world.good, &world.other]);
    world.fake.set_jwks_body(Some(both.clone()));
    assert_eq!(verdict(&app, &world.by_good).await, SERVED);
    let private = world.with("d", "AQAB");
    for bad in [
        set(&[]),
        set(&[&private]),
        set(&[&world.with("e", "AQ"), &Value::Null]),
        json!({"keys": vec![&world.good; 101]}).to_string(),
    ] {
        world.fake.set_jwks_body(Some(bad.clone()));
        let fetches = world.fake.key_fetches();
        // Into the refresh that goes by the schedule.
        advance(world.fake.clock(), 500).await;
        world.fake.wait_for_key_fetches(fetches + 1).await;
        crate::support::eventually("the fetch has failed", || {
            descope.key_status().last_failure().is_some()
        })
        .await;
        for token in [&world.by_good, &world.by_other] {
            assert_eq!(verdict(&app, token).await, SERVED, "{bad:.80}");
        }
        assert_eq!(descope.key_status().count(), 2);
        world.fake.set_jwks_body(Some(both.clone()));
        advance(world.fake.clock(), 67).await;
        crate::support::eventually("the next fetch is good", || {
            descope.key_status().last_failure().is_none()
        })
        .await;
    }
    // And a good one that is smaller does at once.
    world.fake.set_jwks_body(Some(set(&[&world.good])));
    advance(world.fake.clock(), 611).await;
    crate::support::eventually("the removed key is refused", || {
        descope.key_status().count() == 1
    })
    .await;
    assert_eq!(verdict(&app, &world.by_other).await, REFUSED);
    assert_eq!(verdict(&app, &world.by_good).await, SERVED);
}
