//! Pages that serve people before they sign in: `Visitor` gets what no other extractor does.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_descope::{
    Rejection, RejectionKind, Session, SessionToken, TenantLayer, UserId, Visitor,
    test_util::FakeDescope,
};

use crate::support::code;

fn named(visitor: &Visitor) -> String {
    match visitor {
        Visitor::Anonymous(session) => format!("visitor {}", session.user_id()),
        Visitor::SignedIn(session) => format!("user {}", session.user_id()),
    }
}

/// What `/must` and `/may` answer behind a layer: whoever it is, or the refusal.
async fn answers(layer: TenantLayer, token: Option<&str>) -> [String; 2] {
    let routes = Router::new()
        .route("/must", get(async |visitor: Visitor| named(&visitor)))
        .route(
            "/may",
            get(async |visitor: Option<Visitor>| visitor.as_ref().map(named).unwrap_or_default()),
        )
        .route_layer(layer);
    let mut answers = [String::new(), String::new()];
    for (path, answer) in ["/must", "/may"].into_iter().zip(&mut answers) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        *answer = if response.status() == StatusCode::OK {
            let body = axum::body::to_bytes(response.into_body(), 1_000).await;
            String::from_utf8(body.unwrap().to_vec()).unwrap()
        } else {
            code(&response).to_owned()
        };
    }
    answers
}

#[tokio::test]
async fn a_page_for_visitors_tells_them_from_users_and_from_nobody() {
    let fake = FakeDescope::start().await;
    let user = fake.session("U1").token();
    let visitor = fake.session("U1").anonymous().token();
    let expired = fake.session("U1").anonymous().expired().token();
    let layer = || TenantLayer::new(fake.descope());
    let open = || layer().optional().allow_anonymous();
    for (layer, token, must, may) in [
        (open(), Some(&user), "user U1", "user U1"),
        (open(), Some(&visitor), "visitor U1", "visitor U1"),
        (open(), Some(&expired), "expired_token", ""),
        (open(), None, "missing_token", ""),
        // A layer that does not name visitors has none.
        (layer().optional(), Some(&visitor), "anonymous_session", ""),
        (
            layer().optional().allow_anonymous().require_tenant(),
            Some(&visitor),
            "anonymous_session",
            "",
        ),
        (
            layer().allow_anonymous(),
            Some(&visitor),
            "visitor U1",
            "visitor U1",
        ),
    ] {
        let answers = answers(layer, token.map(String::as_str)).await;
        assert_eq!(answers, [must, may], "{token:?}");
    }
}

#[tokio::test]
async fn a_visitor_of_an_outer_layer_does_not_outlive_its_request() {
    let [outer, inner] = [FakeDescope::start().await, FakeDescope::start().await];
    let handler = service_fn(async |request: Request<()>| {
        let visitor = Visitor::from_extensions(request.extensions())?;
        Ok::<_, Rejection>(http::Response::new(named(&visitor)))
    });
    let token = |fake: &FakeDescope| fake.session("U1").anonymous().token();
    // The inner project's visitor comes in a cookie that the outer layer does not read.
    let descope = outer.descope_builder().cookies(
        tower_descope::cookie::SessionCookies::new()
            .session_name("outer")
            .refresh_name("outer-refresh"),
    );
    let outer_layer = TenantLayer::new(descope.build().unwrap()).allow_anonymous();
    let closed = TenantLayer::new(inner.descope()).optional();
    for (inner_layer, is_let_in) in [(closed.clone(), false), (closed.allow_anonymous(), true)] {
        let service = outer_layer.layer(inner_layer.layer(handler));
        let cookie = format!("outer={}; DS={}", token(&outer), token(&inner));
        let request = Request::get("/").header("cookie", cookie).body(()).unwrap();
        let verdict = service.oneshot(request).await;
        match verdict {
            Ok(response) => assert!(is_let_in, "{}", response.body()),
            Err(rejection) => {
                assert!(!is_let_in);
                assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
            }
        }
    }
}

#[tokio::test]
async fn a_token_of_a_visitor_is_verified_as_such_outside_of_requests() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    let verify = async |token: String| descope.verify_visitor(&SessionToken::new(token)).await;
    let visitor = verify(fake.session("U1").anonymous().token()).await;
    assert_eq!(named(&visitor.unwrap()), "visitor U1");
    let user = verify(fake.session("U1").token()).await.unwrap();
    assert_eq!(named(&user), "user U1");
    assert_eq!(user.session().user_id().as_str(), "U1");
    let expired = verify(fake.session("U1").anonymous().expired().token()).await;
    assert_eq!(expired.unwrap_err().kind(), RejectionKind::ExpiredToken);
    let forged = verify("a.b.c".to_owned()).await.unwrap_err();
    assert_eq!(forged.kind(), RejectionKind::InvalidToken);
}

#[tokio::test]
async fn an_anonymous_session_that_somebody_put_among_the_extensions_is_no_visitor() {
    let fake = FakeDescope::start().await;
    let token = SessionToken::new(fake.session("U1").anonymous().token());
    let visitor = fake.descope().verify_visitor(&token).await.unwrap();
    let mut extensions = http::Extensions::new();
    extensions.insert::<Session>(visitor.session().clone());
    let rejection = Visitor::from_extensions(&extensions).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
    let nothing = Visitor::from_extensions(&http::Extensions::new());
    assert_eq!(nothing.unwrap_err().kind(), RejectionKind::LayerMissing);
}

#[tokio::test]
async fn a_form_of_another_user_is_refused() {
    let fake = FakeDescope::start().await;
    let token = SessionToken::new(fake.session("U1").token());
    let session = fake.descope().verify(&token).await.unwrap();
    assert!(session.require_user_id(&UserId::new("U1").unwrap()).is_ok());
    let other = UserId::new("U2").unwrap();
    let refused = session.require_user_id(&other).unwrap_err();
    assert_eq!(
        (refused.status().as_u16(), refused.code()),
        (403, "user_mismatch")
    );
}
