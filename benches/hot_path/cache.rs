//! The cache of verified sessions as it fills: what a hit costs among a thousand sessions and among
//! a hundred thousand (a million with `BENCH_LARGE`), what a session takes, and what the number of
//! keys and a flood of unknown ones do to a hit and to a miss.

use std::{env, hint::black_box, rc::Rc};

use tower_descope::{Descope, DescopeBuilder, SessionToken};

use crate::{
    bed::{Bed, now},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    if bench.wants("cache") {
        let mut rows = sessions(bed);
        rows.extend(keys(bed));
        rows.extend(sizes(bed));
        bench.group("cache", rows);
    }
}

fn builder(bed: &Bed) -> DescopeBuilder {
    bed.fake.descope_builder().max_token_len(65_536)
}

/// Hits among more and more sessions, in an order that no processor foresees: beyond its caches
/// each hit waits for memory, several times.
fn sessions(bed: &Bed) -> Vec<Row> {
    let sizes: &[usize] = if env::var_os("BENCH_LARGE").is_some() {
        &[1_000, 10_000, 100_000, 1_000_000]
    } else if env::var_os("BENCH_QUICK").is_some() {
        &[1_000, 10_000]
    } else {
        &[1_000, 10_000, 100_000]
    };
    let most = sizes.last().copied().unwrap_or_default();
    // Signed with a small key, since they are many; padded to the size of a usual token.
    let session = bed.session().key_algorithm("ES256");
    let tokens: Rc<[SessionToken]> = (0..most)
        .map(|n| session.clone().claim("n", format!("{n:0>200}")))
        .map(|session| SessionToken::new(session.token()))
        .collect();
    let mut rows = Vec::new();
    for (&size, compact) in sizes.iter().flat_map(|size| [(size, false), (size, true)]) {
        let descope = bed.warm(
            builder(bed)
                .session_cache(size)
                .session_cache_bytes(usize::MAX)
                .compact_session_cache(compact),
        );
        for token in &tokens[..size] {
            now(descope.verify(token)).expect("a good token");
        }
        let kind = if compact { "_compact" } else { "" };
        let status = descope.session_cache_status();
        println!(
            "cache of {size}{kind}: {} sessions, {} bytes each, tokens of {} bytes",
            status.entries(),
            status.bytes() / status.entries(),
            tokens[0].expose().len()
        );
        let tokens = Rc::clone(&tokens);
        let mut at = 0;
        let row = Row::new(format!("hit_among_{size}{kind}"), move || {
            at = (at + 7_919) % size;
            black_box(now(descope.verify(&tokens[at])))
        });
        rows.push(row.over("hit_among_1000"));
    }
    rows
}

/// Hits and misses where the project has one key, ten, a hundred.
fn keys(bed: &Bed) -> Vec<Row> {
    let mut rows = Vec::new();
    for number in [1, 10, 100] {
        let fake = bed.wait(
            tower_descope::test_util::FakeDescope::builder()
                .algorithm("ES256")
                .start(),
        );
        while fake.jwks()["keys"].as_array().map_or(0, Vec::len) < number {
            fake.add_key_for("ES256");
        }
        let token = fake.session("U1").token();
        let handle = |sessions| bed.warm(fake.descope_builder().session_cache(sessions));
        let verify = |descope: Descope| {
            let token = SessionToken::new(&token);
            move || now(descope.verify(&token))
        };
        rows.push(
            Row::new(format!("hit_with_{number}_keys"), verify(handle(10))).over("hit_with_1_keys"),
        );
        rows.push(
            Row::new(format!("miss_with_{number}_keys"), verify(handle(0)))
                .over("miss_with_1_keys"),
        );
    }
    rows
}

/// Hits and misses of tokens of one, four and eight kilobytes.
fn sizes(bed: &Bed) -> Vec<Row> {
    let mut rows = Vec::new();
    for kilobytes in [1, 4, 8] {
        let session = bed.session();
        let short = session.token().len();
        let padding = (kilobytes * 1024_usize).saturating_sub(short) * 3 / 4;
        let token = session.claim("x", "x".repeat(padding)).token();
        let baseline = format!("signature_alone_{kilobytes}_kb");
        rows.push(Row::new(&baseline, bed.signature_check(&token)));
        let (cold, caching) = (bed.descope.clone(), bed.caching.clone());
        let token = SessionToken::new(token);
        let again = token.clone();
        rows.push(
            Row::new(format!("miss_{kilobytes}_kb"), move || {
                now(cold.verify(&again))
            })
            .over(baseline),
        );
        rows.push(
            Row::new(format!("hit_{kilobytes}_kb"), move || {
                now(caching.verify(&token))
            })
            .over("hit_1_kb"),
        );
    }
    rows
}
