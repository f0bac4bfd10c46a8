//! Verdicts on tokens: good ones of each algorithm over the bare signature check, and bad ones.

use tower_descope::SessionToken;

use crate::{
    bed::{ALGORITHMS, Bed, now},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let rows = ALGORITHMS
        .into_iter()
        .flat_map(|algorithm| good(bed, algorithm));
    bench.group("verify", rows.collect());
    bench.group("refused", refused(bed));
}

fn good(bed: &Bed, algorithm: &str) -> [Row; 2] {
    let token = bed.session().key_algorithm(algorithm).token();
    let baseline = format!("{algorithm}_signature_alone");
    [
        Row::new(&baseline, bed.signature_check(&token)),
        verdict(bed, algorithm, token, true).over(baseline),
    ]
}

fn refused(bed: &Bed) -> Vec<Row> {
    let session = || bed.session();
    let unknown_key = session().kid("unknown").token();
    // Spends what may be fetched at once for unknown keys, so that from here on the verdict is
    // ready: the fake's clock stands still.
    for _ in 0..5 {
        let verdict = bed.wait(bed.descope.verify(&SessionToken::new(&unknown_key)));
        verdict.expect_err("nobody has this key");
    }
    let good = session().token();
    // Another's signature by the same key: one by another key may be a number that is refused
    // before any arithmetic.
    let (signed, _) = good.rsplit_once('.').expect("a compact token");
    let other = session().claim("n", 1).token();
    let (_, signature) = other.rsplit_once('.').expect("a compact token");
    let forged = format!("{signed}.{signature}");
    let check = bed.signature_check(&good);
    let mut rows = vec![
        Row::new("signature_alone", check),
        verdict(bed, "accepted", good, true).over("signature_alone"),
    ];
    let bad = [
        ("garbage", "garbage".to_owned()),
        ("too_long", "x".repeat(100_000)),
        ("algorithm_none", session().alg("none").token()),
        ("unknown_key", unknown_key),
        ("forged", forged),
        ("expired", session().expired().token()),
    ];
    for (name, token) in bad {
        rows.push(verdict(bed, name, token, false).over("signature_alone"));
    }
    rows
}

fn verdict(bed: &Bed, name: &str, token: String, good: bool) -> Row {
    let descope = bed.descope.clone();
    let token = SessionToken::new(token);
    assert_eq!(now(descope.verify(&token)).is_ok(), good, "{name}");
    Row::new(name, move || now(descope.verify(&token)))
}
