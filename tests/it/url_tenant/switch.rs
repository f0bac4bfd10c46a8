//! A navigation to another tenant's page leads to the page that offers the switch, by a form.

use http::{Method, Request, Version, request::Parts};
use tower_descope::{
    Rejection, TenantLayer, UrlTenant,
    test_util::{FakeDescope, Template},
};

use super::{app, get};
use crate::support::{call, code};

fn token(fake: &FakeDescope) -> String {
    let session = fake
        .session("U1")
        .tenant("T1", |t| t)
        .tenant("a/b&c=d", |t| t);
    session.active("T1").token()
}

fn url_tenant() -> UrlTenant {
    UrlTenant::after("/t/").switch_page("/switch").unwrap()
}

fn navigation(path: &str, token: &str) -> Request<()> {
    get(
        path,
        token,
        &[("sec-fetch-mode", b"navigate"), ("accept", b"text/html")],
    )
}

#[tokio::test]
async fn a_person_is_sent_to_the_page_with_tenant_and_path_encoded() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let app = app(&fake, url_tenant());
    let response = call(&app, navigation("/t/a%2Fb%26c%3Dd/x?y=1&z=%26", &token)).await;
    assert_eq!(response.status(), 303);
    assert_eq!(
        response.headers()["location"],
        "/switch?tenant=a%2Fb%26c%3Dd&return_to=%2Ft%2Fa%252Fb%2526c%253Dd%2Fx%3Fy%3D1%26z%3D%2526"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-descope-rejection"], "other_tenant");
    assert_eq!(code(&response), "other_tenant");
    assert!(
        !response.headers().contains_key("set-cookie"),
        "nothing switches by GET"
    );
    assert_eq!(fake.calls("/v1/auth/tenant/select"), 0);
}

#[tokio::test]
async fn programs_forms_and_grpc_get_the_refusal() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let app = app(&fake, url_tenant());
    let path = "/t/a%2Fb%26c%3Dd/x";
    let program = get(path, &token, &[("accept", b"application/json")]);
    let mut form = navigation(path, &token);
    *form.method_mut() = Method::POST;
    let script = get(
        path,
        &token,
        &[("sec-fetch-mode", b"cors"), ("accept", b"text/html")],
    );
    for request in [program, form, script] {
        let response = call(&app, request).await;
        assert_eq!(response.status(), 409);
        assert!(!response.headers().contains_key("location"));
        assert!(response.body().contains(r#""error":"other_tenant""#));
    }
    let mut grpc = get(path, &token, &[("content-type", b"application/grpc")]);
    *grpc.method_mut() = Method::POST;
    *grpc.version_mut() = Version::HTTP_2;
    assert_eq!(call(&app, grpc).await.headers()["grpc-status"], "9");
}

#[tokio::test]
async fn only_a_switch_that_may_help_is_offered() {
    let fake = FakeDescope::start().await;
    let app = app(&fake, url_tenant());
    let token = token(&fake);
    for (path, status) in [
        ("/t/T1/x", 200),
        ("/t/T9/x", 403),
        ("/t//x", 400),
        ("/x", 400),
    ] {
        let response = call(&app, navigation(path, &token)).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(!response.headers().contains_key("location"));
    }
    // Where the token lists none, it cannot tell; what stood in the URL is encoded all the same.
    let fake = FakeDescope::builder()
        .jwt_template(Template::CurrentTenant)
        .start()
        .await;
    let app = super::app(&fake, url_tenant());
    let token = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let path = "/t/%22%3E%3Cscript%3E/x";
    let response = call(&app, navigation(path, &token)).await;
    let location = response.headers()["location"].to_str().unwrap();
    assert!(
        location.starts_with("/switch?tenant=%22%3E%3Cscript%3E&return_to="),
        "{location}"
    );
}

#[tokio::test]
async fn the_page_may_have_a_query_and_the_path_stays_on_the_site() {
    let fake = FakeDescope::start().await;
    let session = fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t);
    let token = session.active("T1").token();
    let url_tenant = UrlTenant::path_segment(1)
        .switch_page("/switch?lang=de")
        .unwrap();
    let app = app(&fake, url_tenant);
    for (path, expected) in [
        ("/t/T2", "/switch?lang=de&tenant=T2&return_to=%2Ft%2FT2"),
        // Browsers would resolve it to another host.
        ("//T2/x", "/switch?lang=de&tenant=T2"),
    ] {
        let response = call(&app, navigation(path, &token)).await;
        assert_eq!(response.headers()["location"], expected);
    }
    for page in ["//evil.example", "https://evil.example", "switch", "/a#b"] {
        assert!(UrlTenant::after("/t/").switch_page(page).is_err(), "{page}");
    }
}

#[tokio::test]
async fn a_closure_shapes_refusals_and_the_redirect_is_one_of_them() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let shaped = url_tenant().with_rejection_response(|rejection: Rejection, _: &Parts| {
        let mut response = http::Response::new(format!("no: {}", rejection.code()));
        *response.status_mut() = rejection.status();
        response
    });
    let service = tower::ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .layer(shaped)
        .service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
    let app = crate::support::App::new(service);
    let path = "/t/a%2Fb%26c%3Dd";
    let response = call(&app, get(path, &token, &[])).await;
    assert_eq!(
        (response.status().as_u16(), &**response.body()),
        (409, "no: other_tenant")
    );
    let response = call(&app, navigation(path, &token)).await;
    assert_eq!(response.status(), 303);
    assert!(response.headers().contains_key("location"));
}
