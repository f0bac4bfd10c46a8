//! What is no signed delivery, and marks nobody.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{Descope, ErrorKind, RevocationWebhook, test_util::FakeDescope};

use super::{Hooked, SECRET, SIGNATURE, deleted, signed, webhook};
use crate::support::world::fake;

const MIB: usize = 1 << 20;

fn marks(descope: &Descope) -> usize {
    descope.revocation_status().unwrap().marks
}

#[tokio::test]
async fn without_the_one_signature_of_this_very_body_nothing_is_done_or_said() {
    let Hooked { descope, hook, .. } = Hooked::start().await;
    let body = deleted("U1");
    let good = FakeDescope::webhook_signature(SECRET, &body);
    let of_other_body = FakeDescope::webhook_signature(SECRET, deleted("U2"));
    let by_other_secret = FakeDescope::webhook_signature("the-secret-of-somebody-else", &body);
    let unpadded = good.trim_end_matches('=');
    let prefixed = format!("sha256={good}");
    for signatures in [
        &[][..],
        &[""],
        &["x"],
        &[&of_other_body],
        &[&by_other_secret],
        &[unpadded],
        &[&prefixed],
        &[&good, &good],
        &[&good, ""],
    ] {
        let mut request = Request::post("/");
        for signature in signatures {
            request = request.header(SIGNATURE, *signature);
        }
        let answer = hook.send(request, &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{signatures:?}");
        assert!(answer.body.is_empty());
        for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
            assert!(!answer.headers.contains_key(name));
        }
        assert!(!answer.headers.contains_key("x-descope-rejection"));
    }
    assert_eq!(marks(&descope), 0);
    assert_eq!(hook.deliver(&body).await.status, 204);
    assert_eq!(marks(&descope), 1, "the same body, signed");
}

#[tokio::test]
async fn a_byte_more_or_less_in_the_body_is_another_body() {
    let Hooked { descope, hook, .. } = Hooked::start().await;
    let body = deleted("U1");
    for other in [
        format!("{body} "),
        body.replace("U1", "U2"),
        body.replace(':', ": "),
        body[1..].to_owned(),
        String::new(),
    ] {
        let answer = hook.send(signed(SECRET, &body), &other).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{other}");
    }
    assert_eq!(marks(&descope), 0);
}

#[tokio::test]
async fn other_methods_are_refused_however_well_they_are_signed() {
    let Hooked { descope, hook, .. } = Hooked::start().await;
    let body = deleted("U1");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = hook
            .send(signed(SECRET, &body).method(method.clone()), &body)
            .await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers[header::ALLOW], "POST");
    }
    assert_eq!(marks(&descope), 0);
}

/// A body of this length, with or without saying so.
fn of_length(length: usize, says_so: bool) -> Request<impl Body<Data = Bytes, Error = impl Send>> {
    let mut body = deleted("U1");
    body.push_str(&" ".repeat(length - body.len()));
    let request = signed(SECRET, &body);
    let bytes = Bytes::from(body);
    let body = if says_so {
        Full::new(bytes).boxed()
    } else {
        // Its length is known at its end.
        Full::new(bytes).map_frame(|frame| frame).boxed()
    };
    request.body(body).unwrap()
}

#[tokio::test]
async fn a_body_of_one_mib_is_read_and_a_byte_more_is_not() {
    let Hooked { descope, .. } = Hooked::start().await;
    for says_so in [true, false] {
        let request = of_length(MIB + 1, says_so);
        let response = webhook(&descope).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(marks(&descope), 0);
    }
    for says_so in [true, false] {
        let request = of_length(MIB, says_so);
        let response = webhook(&descope).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(marks(&descope), 1);
}

/// A body that fails the test that reads it.
struct Unread;

impl Body for Unread {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        panic!("nothing is read of a body without a signature")
    }
}

#[tokio::test]
async fn without_a_signature_the_body_is_not_even_read() {
    let Hooked { descope, .. } = Hooked::start().await;
    for (request, status) in [
        (Request::post("/"), 401),
        (Request::post("/").header(SIGNATURE, "x"), 401),
        (Request::get("/"), 405),
    ] {
        let request = request.body(Unread).unwrap();
        let response = webhook(&descope).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_marks_nobody() {
    let Hooked { descope, .. } = Hooked::start().await;
    let body = deleted("U1");
    let sent = Full::new(Bytes::from(body.clone()));
    let sent = sent.map_err(|never| -> &str { match never {} });
    let broken = sent.with_trailers(async { Some(Err("the connection is gone")) });
    let request = signed(SECRET, &body).body(broken).unwrap();
    let response = webhook(&descope).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(marks(&descope), 0);
}

#[tokio::test]
async fn a_handle_without_revocation_and_a_short_secret_are_refused_with_the_remedy() {
    let Hooked { descope, .. } = Hooked::start().await;
    let without = fake().start().await.descope();
    let built = |descope: &Descope, secret: &str| {
        let builder = RevocationWebhook::builder(descope.clone(), secret);
        builder.build().map(|_| ())
    };
    let sixteen = "0123456789abcdef";
    built(&descope, sixteen).unwrap();
    for (descope, secret, remedy) in [
        (&without, sixteen, "DescopeBuilder::revocation"),
        (&descope, &sixteen[1..], "openssl rand"),
        (&descope, "", "openssl rand"),
    ] {
        let error = built(descope, secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains(remedy), "{error}");
        assert!(!error.to_string().contains("123456"), "{error}");
    }
    let former = RevocationWebhook::builder(descope, sixteen).former_secret("short");
    assert_eq!(former.build().unwrap_err().kind(), ErrorKind::InvalidConfig);
}
