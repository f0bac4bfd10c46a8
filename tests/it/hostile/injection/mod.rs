//! Response splitting and cookie injection through everything that an upstream can say: judged by
//! the bytes that a real server writes to a real socket.

mod world;

use std::time::Duration;

use serde_json::{Value, json};

use self::world::{ALL, SESSIONS, Way, World};

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "evil\r\nSet-Cookie: evil=1",
        "evil\nSet-Cookie: evil=1",
        "evil\rSet-Cookie: evil=1",
        "evil\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "; Domain=evil.test",
        "evil; Path=/evil; Max-Age=99999999",
        "evil, evil=1; Path=/",
        "evil=1",
        "\"evil\"",
        " evil ",
        "\tevil",
        "ev\0evil",
        "evil\u{7f}",
        "evil\u{1b}[31m",
        "evilé\u{2028}Set-Cookie: evil=1",
        "\u{560d}\u{560a}evil: 1",
        "evil\u{ff1b} Domain=evil.test",
        "%0d%0aSet-Cookie:%20evil=1",
        "__Host-evil",
        ".evil.test",
        "//evil.test/",
        "<script>evil</script>",
    ]
    .map(str::to_owned)
    .into();
    texts.push("evil".repeat(10_000));
    texts
}

/// Everything in an answer that opens a session.
const FIELDS: [&str; 21] = [
    "sessionJwt",
    "refreshJwt",
    "cookieDomain",
    "cookiePath",
    "cookieMaxAge",
    "cookieExpiration",
    "cookieName",
    "sessionCookieName",
    "sessionCookieDomain",
    "user",
    "firstSeen",
    "idpResponse",
    "sessionExpiration",
    "externalToken",
    "tenantSSOID",
    "trustedDeviceJwt",
    "knownDeviceJwt",
    "nextRefreshSeconds",
    "claims",
    "keyId",
    "somethingNew",
];

#[tokio::test]
async fn no_field_of_an_answer_reaches_the_head_of_ours() {
    let world = World::new().await;
    let mut written = 0;
    for way in SESSIONS {
        for field in FIELDS {
            for text in hostile() {
                let mut body = world.good();
                body.insert(field.into(), text.as_str().into());
                world
                    .upstream
                    .says("200 OK", "", &Value::from(body).to_string());
                let wire = world.check(way, &format!("{field}: {text:?}")).await;
                written += usize::from(wire.head.contains("set-cookie: DS=ey"));
                // Nor its body: the record of the user is passed on only where it is an object.
                assert!(
                    !wire.body.contains("evil"),
                    "{way:?} {field}: {}",
                    wire.body
                );
            }
        }
    }
    assert!(written > 1_000, "most answers were good: {written}");
}

#[tokio::test]
async fn a_token_with_something_before_or_after_it_is_no_token() {
    let world = World::new().await;
    for way in SESSIONS {
        for field in ["sessionJwt", "refreshJwt"] {
            for text in hostile() {
                for around in [
                    |token: &str, text: &str| format!("{token}{text}"),
                    |token: &str, text: &str| format!("{text}{token}"),
                ] {
                    let mut body = world.good();
                    let token = around(body[field].as_str().unwrap(), &text);
                    body.insert(field.into(), token.into());
                    world
                        .upstream
                        .says("200 OK", "", &Value::from(body).to_string());
                    let wire = world.check(way, &format!("{field} with {text:?}")).await;
                    // White space around it is no part of a JWT either.
                    let refused = way == Way::Exchange && field == "refreshJwt"
                        || way == Way::EarlyRenewal
                        || !wire.head.starts_with("HTTP/1.1 200");
                    assert!(refused, "{way:?} {field} with {text:?}: {}", wire.head);
                    assert!(!wire.head.contains("set-cookie: DS=ey"), "{way:?} {text:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn hostile_numbers_give_cookies_a_sane_life_or_none() {
    let world = World::new().await;
    let mut written = 0;
    for way in SESSIONS {
        for field in [
            "cookieMaxAge",
            "cookieExpiration",
            "sessionExpiration",
            "nextRefreshSeconds",
        ] {
            for number in [
                "0",
                "-1",
                "1",
                "-9223372036854775808",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551616",
                "1e308",
                "-1e308",
                "1e-308",
                "0.5",
                "1e400",
                "\"5; Domain=evil.test\"",
                "\"9223372036854775807\"",
                "\"-1\"",
                "\"1e9\"",
                "[1]",
                "{\"evil\":1}",
                "true",
                "null",
            ] {
                let good = Value::from(world.good()).to_string();
                // As text, since not all of these fit into a JSON library's numbers.
                let open = good.trim_end_matches('}');
                let body = format!(r#"{open}}},"{field}":{number}}}"#);
                world.upstream.says("200 OK", "", &body);
                let wire = world.check(way, &format!("{field}: {number}")).await;
                written += usize::from(wire.head.contains("set-cookie: DS=ey"));
                assert!(
                    !wire.body.contains("evil"),
                    "{way:?} {field}: {}",
                    wire.body
                );
            }
        }
    }
    assert!(written > 300, "they cost no session: {written}");
}

#[tokio::test]
async fn claims_and_the_users_record_stay_in_the_body_and_there_in_strings() {
    let world = World::new().await;
    let fake = &world.upstream.fake;
    let mut told = 0;
    for way in SESSIONS {
        for text in hostile() {
            // Longer ones are refused as tokens, which is another test's matter.
            let text: String = text.chars().take(500).collect();
            for name in ["evil", "amr", "roles", "iss", "sub", "dct", "rexp"] {
                let mut body = world.good();
                let session = fake.session("U1").tenant("T1", |t| t).active("T1");
                body.insert(
                    "sessionJwt".into(),
                    session.claim(name, text.as_str()).token().into(),
                );
                body.insert(
                    "user".into(),
                    json!({"userId": "U1", "name": text, text.as_str(): 1}),
                );
                world
                    .upstream
                    .says("200 OK", "", &Value::from(body).to_string());
                let wire = world.check(way, &format!("claim {name}: {text:?}")).await;
                told += usize::from(wire.body.contains("evil"));
                let seen: Value = serde_json::from_str(&wire.body).unwrap_or_default();
                if let Some(user) = seen.get("user") {
                    assert_eq!(user["name"], text.as_str());
                }
            }
        }
    }
    assert!(told > 200, "they do arrive in the body: {told}");
}

#[tokio::test]
async fn no_header_field_of_an_answer_is_passed_on() {
    let world = World::new().await;
    let fields = [
        "Set-Cookie: evil=1; Domain=evil.test",
        "Set-Cookie: DS=evil; Domain=evil.test; Path=/",
        "Set-Cookie: DSR=evil.evil.evil; Max-Age=999999999",
        "Set-Cookie: DS=; Max-Age=0",
        "Set-Cookie: __Host-DS=evil; Secure; Path=/",
        "Set-Cookie: DSR=evil\u{1}x",
        "Set-Cookie2: evil=1",
        "Clear-Site-Data: \"evil\", \"*\"",
        "Access-Control-Allow-Origin: https://evil.test",
        "Access-Control-Allow-Credentials: true",
        "Access-Control-Expose-Headers: *",
        "Cross-Origin-Resource-Policy: cross-origin",
        "Location: https://evil.test/",
        "Refresh: 0; url=https://evil.test/",
        "Content-Location: https://evil.test/",
        "Link: <https://evil.test/>; rel=preload",
        "X-Descope-Rejection: evil",
        "WWW-Authenticate: Basic realm=evil",
        "Authentication-Info: evil",
        "Cache-Control: public, evil",
        "Vary: evil",
        "Retry-After: evil",
        "Retry-After: 99999999",
        "Content-Type: text/evil",
        "Content-Disposition: attachment; filename=evil",
        "Content-Security-Policy: script-src https://evil.test",
        "Strict-Transport-Security: max-age=0; evil",
        "Alt-Svc: h2=\"evil.test:443\"",
        "Report-To: evil",
        "Server: evil",
        "Trailer: evil",
        "Upgrade: evil",
        "Via: 1.1 evil",
        "Evil: a\r\n evil",
        "Evil: a\rSet-Cookie: evil=1",
        "Evil: a\nSet-Cookie: evil=1",
        "Evil : 1",
        "Evil: \u{e9}vil",
        "Evil: ev\0il",
    ];
    let statuses = [
        "200 evil", "204 evil", "302 evil", "401 evil", "429 evil", "500 evil",
    ];
    let mut written = 0;
    for way in ALL {
        for status in statuses {
            for field in fields {
                let body = match way {
                    Way::Me => json!({"userId": "U1"}),
                    Way::Tenants => json!({"tenants": []}),
                    Way::History => json!([]),
                    Way::Logout => json!({}),
                    _ => Value::from(world.good()),
                };
                world
                    .upstream
                    .says(status, &format!("{field}\r\n"), &body.to_string());
                let wire = world.check(way, &format!("{status}, {field:?}")).await;
                if status.starts_with("429") {
                    // The longest that Descope is left alone.
                    world.upstream.fake.clock().advance(Duration::from_secs(60));
                }
                assert!(
                    !wire.body.contains("evil"),
                    "{way:?} {status} {field}: {}",
                    wire.body
                );
                written += usize::from(wire.head.contains("set-cookie: DS=ey"));
            }
        }
    }
    assert!(
        written > 100,
        "good answers with odd fields are good: {written}"
    );
}

#[tokio::test]
async fn what_an_error_says_is_never_repeated() {
    let world = World::new().await;
    for way in ALL {
        for status in [400, 401, 403, 429, 500] {
            for text in hostile() {
                // A code that is one, and one that is not, decide by different rules.
                for code in ["E061005", &text] {
                    let body = json!({
                        "errorCode": code, "errorDescription": text, "errorMessage": text,
                        "message": text, "error": text, text.as_str(): text,
                    });
                    world.upstream.says(
                        &format!("{status} x"),
                        "Content-Type: application/json\r\n",
                        &body.to_string(),
                    );
                    let wire = world.check(way, &format!("{status}: {text:?}")).await;
                    assert!(
                        !wire.body.contains("evil"),
                        "{way:?} {status}: {}",
                        wire.body
                    );
                }
            }
        }
    }
}
