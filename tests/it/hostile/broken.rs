//! Answers of Descope that break off: nothing of them reaches the browser.

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_descope::{
    Descope, Renewal, SelectTenant, SessionRoutes, TenantLayer,
    test_util::{Canned, FakeDescope},
};

const REFRESH: &str = "/v1/auth/refresh";
const SELECT: &str = "/v1/auth/tenant/select";

/// How an answer breaks off.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// The connection is closed in the middle of the body.
    CutShort,
    /// The body ends in the middle of its JSON.
    Truncated,
    /// The connection is closed without an answer, after the token was spent.
    NoAnswer,
}

impl Break {
    fn next(self, fake: &FakeDescope, path: &str, session: &str) {
        let body = format!(r#"{{"sessionJwt":"{session}","refreshJwt":"#);
        match self {
            Self::CutShort => {
                let length = (body.len() + 100).to_string();
                let canned = Canned::new(200)
                    .header("content-length", &length)
                    .body(body);
                fake.respond_next(path, canned);
            }
            Self::Truncated => fake.respond_next(path, Canned::new(200).body(body)),
            Self::NoAnswer => fake.drop_connection_next(path),
        }
    }
}

fn post(path: &str, cookies: &str) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "app.example")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", cookies)
        .body(Full::from(r#"{"tenant":"T1"}"#))
        .unwrap()
}

/// An answer's status, and whether it writes cookies.
fn seen<B>(response: &Response<B>) -> (u16, bool) {
    let writes = response.headers().contains_key(header::SET_COOKIE);
    (response.status().as_u16(), writes)
}

async fn selected(descope: &Descope, cookies: &str) -> (u16, bool) {
    let select = SelectTenant::new(descope.clone());
    seen(&select.oneshot(post(SELECT, cookies)).await.unwrap())
}

async fn refreshed(descope: &Descope, cookies: &str) -> (u16, bool) {
    let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
    seen(&routes.oneshot(post(REFRESH, cookies)).await.unwrap())
}

async fn renewed(descope: &Descope, cookies: &str) -> (u16, bool) {
    let inner = tower::service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
    seen(
        &layer
            .layer(inner)
            .oneshot(post("/", cookies))
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn an_answer_that_breaks_off_changes_nothing_in_the_browser() {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let good = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    for breaks in [Break::CutShort, Break::Truncated, Break::NoAnswer] {
        let descope = fake.descope();
        descope.warm_up().await.unwrap();
        let cookies = || fake.sign_in("ann@example.test").cookies().to_owned();
        breaks.next(&fake, SELECT, &good);
        assert_eq!(
            selected(&descope, &cookies()).await,
            (502, false),
            "{breaks:?}"
        );
        breaks.next(&fake, REFRESH, &good);
        assert_eq!(
            refreshed(&descope, &cookies()).await,
            (503, false),
            "{breaks:?}"
        );
        // In the layer: a session that is gone, and one that is still good.
        let signed_in = fake.sign_in("ann@example.test");
        let refresh = format!("DSR={}", signed_in.refresh_jwt());
        breaks.next(&fake, REFRESH, &good);
        assert_eq!(
            renewed(&descope, &refresh).await,
            (503, false),
            "{breaks:?}"
        );
        let soon = fake.session("U1").expires_in(30).token();
        let fresh = fake.sign_in("ann@example.test");
        let both = format!("DS={soon}; DSR={}", fresh.refresh_jwt());
        breaks.next(&fake, REFRESH, &good);
        assert_eq!(renewed(&descope, &both).await, (200, false), "{breaks:?}");
    }
}
