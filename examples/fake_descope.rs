//! Shows `FakeDescope` as a stand-alone server: a Descope to develop against, without an account.
//!
//! ```sh
//! cargo run --example fake_descope -- [flags]
//! ```
//!
//! | Flag | |
//! |---|---|
//! | `--listen 127.0.0.1:8080` | the address; port 0 takes a free one. The fake signs for everybody who asks: keep it off public networks |
//! | `--project P2…` | the project id |
//! | `--no-rotation` | refresh tokens stay the same |
//! | `--session-cookie`, `--refresh-cookie`, `--cookies` | the project hands out one of its tokens, or both, as cookies |
//! | `--accept-bearer` | refresh tokens of cookie projects may come in the header too, as server-side SDKs send them |
//! | `--session-seconds 600` | how long sessions live |
//! | `--print-tokens FILE` | writes right and wrong tokens as JSON, to compare verifiers with |

use std::{env, error::Error, fs, future::pending, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tower_descope::test_util::{FakeDescope, FakeDescopeBuilder, ResponseMethod, TokenBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = demo().real_time();
    let mut listen: SocketAddr = "127.0.0.1:8080".parse()?;
    let mut tokens_file = None;

    let mut arguments = env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("{flag} needs a value"))
        };
        builder = match flag.as_str() {
            "--listen" => {
                listen = value()?.parse()?;
                builder
            }
            "--project" => builder.project_id(value()?),
            "--no-rotation" => builder.rotation(false),
            "--session-cookie" => builder.session_response(ResponseMethod::Cookies),
            "--refresh-cookie" => builder.refresh_response(ResponseMethod::Cookies),
            "--cookies" => builder
                .session_response(ResponseMethod::Cookies)
                .refresh_response(ResponseMethod::Cookies),
            "--accept-bearer" => builder.bearer_beside_cookies(true),
            "--session-seconds" => builder.session_ttl(Duration::from_secs(value()?.parse()?)),
            "--print-tokens" => {
                tokens_file = Some(value()?);
                builder
            }
            _ => return Err(format!("unknown flag {flag}; the file's head lists them").into()),
        };
    }

    let fake = builder.listen(listen).start().await;
    if let Some(file) = tokens_file {
        fs::write(file, serde_json::to_string_pretty(&tokens(&fake))?)?;
    }
    introduce(&fake);
    // It serves as long as `fake` lives: until Ctrl-C ends the process.
    pending().await
}

/// Three users with two, one and no tenants, an access key, and a flow.
fn demo() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .tenant("T2acme", "Acme")
        .tenant("T2beta", "Beta")
        .user("ann@acme.test", |u| {
            u.id("U2ann")
                .name("Ann")
                .project_role("staff")
                .tenant("T2acme", |t| t.role("owner").permission("invoice.write"))
                .tenant("T2beta", |t| t)
        })
        .user("bob@beta.test", |u| {
            u.id("U2bob")
                .name("Bob")
                .tenant("T2beta", |t| t.role("reader"))
        })
        .user("cleo@nowhere.test", |u| u.id("U2cleo").name("Cleo"))
        .access_key("AK-demo-1", |k| {
            k.id("K2demo").tenant("T2acme", |t| t.role("reader"))
        })
        .flow("sign-up-or-in", |f| f.asks_login().asks_code())
}

fn introduce(fake: &FakeDescope) {
    let (url, project) = (fake.url(), fake.project_id());
    let code = FakeDescope::ONE_TIME_CODE;
    println!("FakeDescope listens at {url}");
    println!("project id: {project}");
    println!();
    println!("Everything it signs is signed with keys that everybody knows.");
    println!();
    println!(
        "users       ann@acme.test (T2acme, T2beta), bob@beta.test (T2beta), cleo@nowhere.test"
    );
    println!("one-time code, for each of them and for new ones: {code}");
    println!("access key  AK-demo-1 (T2acme)");
    println!("flow        sign-up-or-in: a login id, then the code");
    println!("OAuth and single sign-on lead to a page at {url}/idp, where one says who one is");
    println!();
    println!("Python      DescopeClient(\"{project}\", base_url=\"{url}\")");
    println!("Node        descopeSdk({{ projectId: \"{project}\", baseUrl: \"{url}\" }})");
    println!("Browser     createSdk({{ projectId: \"{project}\", baseUrl: location.origin }})");
    println!("            with a proxy from your origin's /v1/auth to {url}/v1/auth");
    println!();
    println!("Ctrl-C ends it.");
}

/// A token to judge: its name, what the official SDKs say of it, the token.
type Sample = (&'static str, &'static str, String);

const ALL: &str = "all accept";
const NONE: &str = "all refuse";
const BLIND: &str = "all accept: no SDK looks at the kind of a token";
const NOT_PYTHON: &str = "Node accepts, Python refuses";
const NOT_NODE: &str = "Node refuses, Python does not check";

/// Tokens that verifiers may disagree about.
fn tokens(fake: &FakeDescope) -> Value {
    let groups = [
        rights(fake),
        times(fake),
        parties(fake),
        kinds(fake),
        forgeries(fake),
    ];
    let samples = groups.into_iter().flatten();
    let samples = samples
        .map(|(name, note, token)| json!({"name": name, "token": token, "expect_sdk_note": note}));
    samples.collect()
}

fn ann(fake: &FakeDescope) -> TokenBuilder {
    fake.session("ann@acme.test")
}

fn rights(fake: &FakeDescope) -> Vec<Sample> {
    vec![
        ("valid", ALL, ann(fake).token()),
        (
            "valid_active_tenant",
            ALL,
            ann(fake).active("T2acme").token(),
        ),
        ("valid_unknown_user", ALL, fake.session("U2nobody").token()),
        (
            "active_not_among_tenants",
            ALL,
            ann(fake).active_without_membership("T2none").token(),
        ),
        (
            "active_not_a_string",
            ALL,
            ann(fake).claim("dct", 7).token(),
        ),
    ]
}

fn times(fake: &FakeDescope) -> Vec<Sample> {
    let late = ann(fake).issued_at(-620).expires_in(-20);
    vec![
        ("expired", NONE, ann(fake).expired().token()),
        ("expired_by_20_s", NONE, late.token()),
        ("exp_missing", ALL, ann(fake).without("exp").token()),
        ("exp_text", NONE, ann(fake).claim("exp", "tomorrow").token()),
        (
            "exp_fraction",
            ALL,
            ann(fake).claim("exp", 4_102_444_800.5).token(),
        ),
        ("nbf_future", NONE, ann(fake).not_before(120).token()),
        ("nbf_past", ALL, ann(fake).not_before(-120).token()),
        ("iat_future", NOT_PYTHON, ann(fake).issued_at(120).token()),
    ]
}

fn parties(fake: &FakeDescope) -> Vec<Sample> {
    let project = fake.project_id();
    let issuer = |text: String| ann(fake).issuer(text).token();
    let app = format!("https://api.descope.com/v1/apps/{project}");
    vec![
        (
            "iss_url",
            ALL,
            issuer(format!("https://api.descope.com/{project}")),
        ),
        ("iss_app_tenant", ALL, issuer(format!("{app}/T2acme"))),
        ("iss_app", ALL, issuer(app)),
        (
            "iss_two_more_segments",
            NOT_NODE,
            issuer(format!("https://h.test/{project}/a/b")),
        ),
        (
            "iss_other_project",
            NOT_NODE,
            issuer("P2otherOtherOtherOtherOther0".into()),
        ),
        ("iss_lower_case", NOT_NODE, issuer(project.to_lowercase())),
        ("iss_missing", NOT_NODE, ann(fake).without("iss").token()),
        ("sub_missing", ALL, ann(fake).without("sub").token()),
        ("aud_own", ALL, ann(fake).audience(json!([project])).token()),
        (
            "aud_foreign",
            NOT_PYTHON,
            ann(fake).audience("other").token(),
        ),
    ]
}

fn kinds(fake: &FakeDescope) -> Vec<Sample> {
    let oidc = |kind: &str| {
        let token = ann(fake).without("drn").claim("token_type", kind);
        token.audience(json!([fake.project_id()])).token()
    };
    let bound = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"});
    vec![
        (
            "refresh_token",
            BLIND,
            fake.refresh("ann@acme.test").token(),
        ),
        ("drn_other", BLIND, ann(fake).kind("DSX").token()),
        ("drn_missing", BLIND, ann(fake).without("drn").token()),
        ("oidc_access_token", BLIND, oidc("access_token")),
        ("oidc_id_token", BLIND, oidc("id_token")),
        ("oidc_refresh_token", BLIND, oidc("refresh_token")),
        ("dpop_bound", BLIND, ann(fake).claim("cnf", bound).token()),
    ]
}

fn forgeries(fake: &FakeDescope) -> Vec<Sample> {
    let rsa = fake.current_kid();
    let es384 = ann(fake).key_algorithm("ES384").kid(&rsa);
    fake.add_key_for("ES256");
    let crit = ann(fake).header("crit", json!(["x"])).header("x", 1);

    let valid = ann(fake).token();
    let signature = valid.rsplit('.').next().unwrap_or_default();
    let other = ann(fake).active("T2beta").unsigned().token();
    vec![
        (
            "es256_published_key",
            ALL,
            ann(fake).key_algorithm("ES256").token(),
        ),
        ("es384_under_rsa_kid", NONE, es384.token()),
        ("alg_none", NONE, ann(fake).alg("none").token()),
        ("alg_none_upper_case", NONE, ann(fake).alg("NONE").token()),
        (
            "alg_rs512_said_rs256_done",
            NONE,
            ann(fake).alg("RS512").token(),
        ),
        ("alg_missing", NONE, ann(fake).without_header("alg").token()),
        (
            "hs256_with_public_key",
            NONE,
            ann(fake).signed_with_public_key().token(),
        ),
        ("unsigned", NONE, ann(fake).unsigned().token()),
        ("stranger_key", NONE, ann(fake).signed_by_stranger().token()),
        ("kid_unknown", NONE, ann(fake).kid("SK2unknown").token()),
        ("kid_missing", NONE, ann(fake).without_header("kid").token()),
        ("crit_unknown", NONE, crit.token()),
        (
            "payload_no_object",
            NONE,
            ann(fake).raw_payload("[]").token(),
        ),
        (
            "payload_no_json",
            NONE,
            ann(fake).raw_payload("no json").token(),
        ),
        ("signature_of_another", NONE, format!("{other}{signature}")),
        ("five_parts", NONE, format!("{valid}.a.b")),
        ("two_parts", NONE, "a.b".into()),
        ("garbage", NONE, "a.b.c".into()),
        ("empty", NONE, String::new()),
    ]
}
