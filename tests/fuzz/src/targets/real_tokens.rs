//! Tokens that were really signed, changed by structure: whatever is accepted afterwards is, byte
//! for byte, a token that was signed. The signature check is the real one.

use std::{
    cell::LazyCell,
    collections::BTreeSet,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_descope::{
    Descope, SessionToken,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, async_trait, parse_key_set},
    test_util::{FakeDescope, TestClock},
};

use super::{
    bed::{NOW, PROJECT},
    header,
};
use crate::{dice::Dice, harness::Target, json_text};

pub const TARGET: Target = Target {
    name: "real_tokens",
    make,
    check,
    slow: 4,
};

/// The order of Ed25519's group, little-endian: a signature's second half plus this is the same
/// number to a sloppy verifier.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

struct Keys(String);

#[async_trait]
impl JwksSource for Keys {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        parse_key_set(self.0.as_bytes())
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    descope: Descope,
    signed: Vec<String>,
    good: BTreeSet<String>,
}

thread_local! {
    static WORLD: LazyCell<World> = const { LazyCell::new(World::new) };
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (descope, signed) = runtime.block_on(async {
            let fake = FakeDescope::builder()
                .project_id(PROJECT)
                .clock(TestClock::at(UNIX_EPOCH + Duration::from_secs(NOW)))
                .algorithm("EdDSA")
                .start()
                .await;
            for algorithm in ["ES256", "ES384", "RS256", "PS256"] {
                fake.add_key_for(algorithm);
            }
            let mut signed = Vec::new();
            for algorithm in ["EdDSA", "ES256", "ES384", "RS256", "PS256"] {
                let session = || {
                    let session = fake.session("U1").key_algorithm(algorithm);
                    session.tenant("T1", |tenant| tenant.role("r")).active("T1")
                };
                signed.push(session().token());
                signed.push(session().subject("U2").header("x", 1).token());
                // Genuine, and no sessions.
                signed.push(session().kind("DSR").token());
                signed.push(session().expired().token());
                signed.push(session().signed_by_stranger().token());
            }
            let descope = Descope::builder(fake.project_id())
                .base_url("http://127.0.0.1:1")
                .clock(fake.clock().clone())
                .jwks_source(Keys(fake.jwks().to_string()))
                .build()
                .unwrap();
            descope.warm_up().await.unwrap();
            (descope, signed)
        });
        let accepted = |token: &&String| {
            runtime
                .block_on(descope.verify(&SessionToken::new(token.as_str())))
                .is_ok()
        };
        let good: BTreeSet<String> = signed.iter().filter(accepted).cloned().collect();
        assert_eq!(good.len(), 10);
        Self {
            runtime,
            descope,
            signed,
            good,
        }
    }
}

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    WORLD
        .with(|world| spoiled(dice, &world.signed))
        .into_bytes()
}

fn spoiled(dice: &mut Dice<'_>, signed: &[String]) -> String {
    let one = &signed[dice.below(signed.len())];
    let other = &signed[dice.below(signed.len())];
    let mut segments: Vec<String> = one.split('.').map(str::to_owned).collect();
    let others: Vec<&str> = other.split('.').collect();
    for _ in 0..=dice.below(2) {
        let at = dice.below(3).min(segments.len() - 1);
        match dice.below(14) {
            0 => segments.swap(0, at),
            1 => {
                segments.remove(at);
            }
            2 => segments.insert(at, others[at].to_owned()),
            3 => segments[at] = others[at].to_owned(),
            4 | 5 => segments[0] = members(dice, &segments[0]),
            6 if segments.len() > 1 => segments[1] = members(dice, &segments[1]),
            7 => {
                let header = json_text::object(dice, header::MEMBERS);
                segments[0] = URL_SAFE_NO_PAD.encode(header);
            }
            8 | 9 => {
                let last = segments.len() - 1;
                segments[last] = signature(dice, &segments[last]);
            }
            10..13 => segments[at] = alphabet(dice, &segments[at]),
            _ => segments[at] = segments[at].chars().rev().collect(),
        }
        if segments.is_empty() {
            break;
        }
    }
    segments.join(".")
}

/// Members dropped, repeated, put in another order, changed; or the same text with a space in it.
fn members(dice: &mut Dice<'_>, segment: &str) -> String {
    let Ok(text) = URL_SAFE_NO_PAD.decode(segment) else {
        return segment.to_owned();
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let mut parts: Vec<&str> = inner.split(',').collect();
    let at = dice.below(parts.len());
    match dice.below(5) {
        0 => {
            parts.remove(at);
        }
        1 => parts.insert(at, parts[at]),
        2 => parts.rotate_left(at),
        3 => parts.insert(at, "\"iat\":0"),
        _ => {
            let spaced = text.replacen(':', ": ", 1);
            return URL_SAFE_NO_PAD.encode(spaced);
        }
    }
    URL_SAFE_NO_PAD.encode(format!("{{{}}}", parts.join(",")))
}

fn signature(dice: &mut Dice<'_>, segment: &str) -> String {
    let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(segment) else {
        return segment.to_owned();
    };
    match dice.below(8) {
        0 => bytes.clear(),
        1 => bytes.push(dice.byte()),
        2 => bytes.insert(0, 0),
        3 => {
            bytes.pop();
        }
        4 => bytes.fill(0),
        5 if bytes.len() == 64 => {
            let mut carry = 0_u16;
            for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
                carry += u16::from(*byte) + u16::from(add);
                *byte = (carry & 0xff) as u8;
                carry >>= 8;
            }
        }
        6 => {
            let half = bytes.len() / 2;
            bytes.rotate_left(half);
        }
        _ => {
            let at = dice.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Another spelling of the same bytes.
fn alphabet(dice: &mut Dice<'_>, segment: &str) -> String {
    let mut text = segment.to_owned();
    match dice.below(8) {
        0 => text.push('='),
        1 => text.push_str("=="),
        2 => text = text.replace('-', "+"),
        3 => text = text.replace('_', "/"),
        4 => text.insert(
            dice.below(text.len() + 1),
            ['\n', ' ', '\t', '\0'][dice.below(4)],
        ),
        // Another character whose upper bits are the same: bits that are left over.
        5 | 6 => {
            const ALPHABET: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let last = text.pop().map(|last| last as u32);
            let value = ALPHABET
                .iter()
                .position(|&byte| Some(u32::from(byte)) == last);
            if let Some(value) = value {
                text.push(char::from(ALPHABET[value ^ 1]));
            }
        }
        _ => text = text.replace('A', "%41"),
    }
    text
}

fn check(text: &[u8]) {
    let Ok(token) = std::str::from_utf8(text) else {
        return;
    };
    WORLD.with(|world| {
        let verify = || {
            let verdict = world
                .runtime
                .block_on(world.descope.verify(&SessionToken::new(token)));
            verdict.map(|session| session.user_id().clone())
        };
        let first = verify();
        assert_eq!(verify(), first, "the same bytes again");
        assert_eq!(first.is_ok(), world.good.contains(token), "{first:?}");
    });
}
