//! How the tenant is read, row by row.

use http::{HeaderName, Request, Version};
use tower_descope::{UrlTenant, test_util::FakeDescope};

use super::{answer, app, get};

/// Of a user of tenants whose ids are not easy to write.
fn token(fake: &FakeDescope) -> String {
    let ids = [
        "T2acme",
        "a/b",
        "T%32",
        "..",
        "acme corp",
        "früh",
        "Twin",
        "tWIN",
        "my_shop",
        "x.t1",
    ];
    let session = ids
        .iter()
        .fold(fake.session("U1"), |it, id| it.tenant(*id, |t| t));
    session.token()
}

const NOT_NAMED: &str = "400 tenant_not_named";
const NOT_A_MEMBER: &str = "403 tenant_mismatch";

async fn paths(url_tenant: UrlTenant, rows: &[(&str, &str)]) {
    let fake = FakeDescope::start().await;
    let app = app(&fake, url_tenant.membership_suffices());
    let token = token(&fake);
    for (path, expected) in rows {
        assert_eq!(
            answer(&app, get(path, &token, &[])).await,
            *expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_segment_after_a_prefix() {
    let rows = [
        ("/t/T2acme", "U1@T2acme"),
        ("/t/T2acme/", "U1@T2acme"),
        ("/t/T2acme/x/y?z=/t/Twin", "U1@T2acme"),
        // The case counts.
        ("/t/t2ACME/x", NOT_A_MEMBER),
        ("/t/Twin/x", "U1@Twin"),
        ("/t/tWIN/x", "U1@tWIN"),
        // Decoded once.
        ("/t/T%32acme/x", "U1@T2acme"),
        ("/t/%54%32%61%63%6D%65", "U1@T2acme"),
        ("/t/a%2Fb/x", "U1@a/b"),
        ("/t/a%2fb/x", "U1@a/b"),
        ("/t/T%2532/x", "U1@T%32"),
        ("/t/acme%20corp/x", "U1@acme corp"),
        ("/t/acme+corp/x", NOT_A_MEMBER),
        ("/t/fr%C3%BCh/x", "U1@früh"),
        ("/t/fr%FCh/x", NOT_NAMED),
        ("/t/T2acme%0d%0a/x", NOT_NAMED),
        ("/t/%20/x", NOT_NAMED),
        ("/t/%zz/x", NOT_A_MEMBER),
        // Absent, empty, doubled.
        ("/", NOT_NAMED),
        ("/t", NOT_NAMED),
        ("/t/", NOT_NAMED),
        ("/x/T2acme", NOT_NAMED),
        ("/T/T2acme", NOT_NAMED),
        ("/%74/T2acme", NOT_NAMED),
        ("/x/t/T2acme", NOT_NAMED),
        ("/t//T2acme", NOT_NAMED),
        ("//t/T2acme", NOT_NAMED),
        ("/t/T2acme/t/Twin", "U1@T2acme"),
        // Servers do not resolve these.
        ("/t/../T2acme", "U1@.."),
        ("/t/%2e%2e/T2acme", "U1@.."),
    ];
    for prefix in ["/t/", "/t", "t", "t/"] {
        paths(UrlTenant::after(prefix), &rows).await;
    }
    let long = format!("/t/{}", "x".repeat(257));
    paths(UrlTenant::after("/t/"), &[(&long, NOT_NAMED)]).await;
    let first = [
        ("/T2acme/x", "U1@T2acme"),
        ("/", NOT_NAMED),
        ("//T2acme", NOT_NAMED),
    ];
    for prefix in ["/", ""] {
        paths(UrlTenant::after(prefix), &first).await;
    }
    paths(
        UrlTenant::after("/o/t/"),
        &[("/o/t/Twin/x", "U1@Twin"), ("/o/T2acme", NOT_NAMED)],
    )
    .await;
}

#[tokio::test]
async fn a_segment_by_its_number() {
    let rows = [
        ("/t/T2acme", "U1@T2acme"),
        ("/anything/T2acme/x", "U1@T2acme"),
        ("/t/t2acme/x", NOT_A_MEMBER),
        ("/t/T%32acme", "U1@T2acme"),
        ("/t/a%2Fb/x", "U1@a/b"),
        ("/t/T%2532/x", "U1@T%32"),
        ("/t", NOT_NAMED),
        ("/", NOT_NAMED),
        ("/t/", NOT_NAMED),
        ("/t//T2acme", NOT_NAMED),
        ("//T2acme/Twin", "U1@T2acme"),
        ("//t/T2acme", NOT_A_MEMBER),
    ];
    paths(UrlTenant::path_segment(1), &rows).await;
    let first = [
        ("/T2acme/x", "U1@T2acme"),
        ("/", NOT_NAMED),
        ("//T2acme", NOT_NAMED),
    ];
    paths(UrlTenant::path_segment(0), &first).await;
}

#[tokio::test]
async fn the_label_of_a_host() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    for domain in ["app.example.com", ".app.example.com", "APP.example.com"] {
        let url_tenant = UrlTenant::subdomain_of(domain).unwrap();
        let app = app(&fake, url_tenant.membership_suffices());
        for (host, expected) in [
            ("t2acme.app.example.com", "U1@T2acme"),
            ("T2ACME.App.Example.COM", "U1@T2acme"),
            ("t2acme.app.example.com:8443", "U1@T2acme"),
            ("t2acme.app.example.com.", "U1@T2acme"),
            ("t2acme.app.example.com.:80", "U1@T2acme"),
            ("my_shop.app.example.com", "U1@my_shop"),
            ("t9.app.example.com", NOT_A_MEMBER),
            // Two of this user's differ in case alone, which no host can say.
            ("twin.app.example.com", NOT_NAMED),
            ("Twin.app.example.com", NOT_NAMED),
            // Nothing is decoded, and no dot is part of a name.
            ("T%32acme.app.example.com", NOT_NAMED),
            ("xn--frh-hoa.app.example.com", NOT_A_MEMBER),
            ("x.t1.app.example.com", NOT_NAMED),
            ("x.t2acme.app.example.com", NOT_NAMED),
            ("..app.example.com", NOT_NAMED),
            // Absent, empty, elsewhere.
            ("app.example.com", NOT_NAMED),
            (".app.example.com", NOT_NAMED),
            ("t2acmeapp.example.com", NOT_NAMED),
            ("t2acme.app.example.com.evil.example", NOT_NAMED),
            ("t2acme.app.example.com..", NOT_NAMED),
            ("example.com", NOT_NAMED),
            ("evil.example", NOT_NAMED),
            ("127.0.0.1:3000", NOT_NAMED),
            ("[::1]:3000", NOT_NAMED),
            ("[::1", NOT_NAMED),
            ("t2acme@app.example.com", NOT_NAMED),
            ("t2acme.app.example.com:x", NOT_NAMED),
            ("", NOT_NAMED),
        ] {
            let request = get("/", &token, &[("host", host.as_bytes())]);
            assert_eq!(answer(&app, request).await, expected, "{host}");
        }
    }
}

#[tokio::test]
async fn the_host_is_the_targets_authority_or_the_field_and_no_other() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let url_tenant = UrlTenant::subdomain_of("app.example.com").unwrap();
    let app = app(&fake, url_tenant.membership_suffices());
    let mut http2 = get("https://t2acme.app.example.com/x", &token, &[]);
    *http2.version_mut() = Version::HTTP_2;
    assert_eq!(answer(&app, http2).await, "U1@T2acme");
    let acme: &[u8] = b"t2acme.app.example.com";
    for (uri, fields, expected) in [
        ("/", &[][..], NOT_NAMED),
        ("/", &[("host", acme), ("host", acme)], NOT_NAMED),
        (
            "/",
            &[("host", acme), ("host", &b"my_shop.app.example.com"[..])],
            NOT_NAMED,
        ),
        (
            "https://my_shop.app.example.com/",
            &[("host", acme)],
            NOT_NAMED,
        ),
        (
            "https://t2acme.app.example.com/",
            &[("host", acme)],
            "U1@T2acme",
        ),
        ("/", &[("x-forwarded-host", acme)], NOT_NAMED),
        (
            "/",
            &[
                ("x-forwarded-host", acme),
                ("host", &b"my_shop.app.example.com"[..]),
            ],
            "U1@my_shop",
        ),
        (
            "/",
            &[("forwarded", &b"host=t2acme.app.example.com"[..])],
            NOT_NAMED,
        ),
    ] {
        let request = get(uri, &token, fields);
        assert_eq!(answer(&app, request).await, expected, "{uri} {fields:?}");
    }
}

#[tokio::test]
async fn a_header_of_the_applications() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let url_tenant = UrlTenant::header(HeaderName::from_static("x-tenant"));
    let app = app(&fake, url_tenant.membership_suffices());
    for (values, expected) in [
        (&[&b"T2acme"[..]][..], "U1@T2acme"),
        (&[b"t2acme"], NOT_A_MEMBER),
        (&[b"T%32acme"], NOT_A_MEMBER),
        (&[b"T%32"], "U1@T%32"),
        (&[b"a/b"], "U1@a/b"),
        (&["früh".as_bytes()], "U1@früh"),
        (&[b"fr\xfch"], NOT_NAMED),
        (&[b"T2acme, Twin"], NOT_A_MEMBER),
        (&[b""], NOT_NAMED),
        (&[b" "], NOT_NAMED),
        (&[], NOT_NAMED),
        (&[b"T2acme", b"T2acme"], NOT_NAMED),
        (&[b"T2acme", b"Twin"], NOT_NAMED),
    ] {
        let fields: Vec<_> = values.iter().map(|value| ("x-tenant", *value)).collect();
        let request = get("/", &token, &fields);
        assert_eq!(answer(&app, request).await, expected, "{values:?}");
    }
    // A shared cache must tell the answers apart, refusals too.
    for fields in [&[("x-tenant", &b"T2acme"[..])][..], &[]] {
        let response = crate::support::call(&app, get("/", &token, fields)).await;
        let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["x-tenant", "Authorization, Cookie"]);
    }
}

#[tokio::test]
async fn a_cookie_of_the_applications() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    let app = app(
        &fake,
        UrlTenant::cookie("__Host-tenant").membership_suffices(),
    );
    for (field, expected) in [
        ("__Host-tenant=T2acme", "U1@T2acme"),
        ("a=b; __Host-tenant=T2acme; c=d", "U1@T2acme"),
        ("__Host-tenant=t2acme", NOT_A_MEMBER),
        ("__Host-tenant=T%32acme", "U1@T2acme"),
        ("__Host-tenant=a%2Fb", "U1@a/b"),
        ("__Host-tenant=T%2532", "U1@T%32"),
        ("__Host-tenant=acme%20corp", "U1@acme corp"),
        ("__Host-tenant=fr%FCh", NOT_NAMED),
        ("__Host-tenant=", NOT_NAMED),
        ("tenant=T2acme", NOT_NAMED),
        ("x__Host-tenant=T2acme", NOT_NAMED),
        ("__Host-tenant=T2acme; __Host-tenant=T2acme", "U1@T2acme"),
        ("__Host-tenant=T2acme; __Host-tenant=Twin", NOT_NAMED),
    ] {
        let request = get("/", &token, &[("cookie", field.as_bytes())]);
        assert_eq!(answer(&app, request).await, expected, "{field}");
    }
    let long = format!("x={}; __Host-tenant=T2acme", "y".repeat(64 * 1024));
    let request = get("/", &token, &[("cookie", long.as_bytes())]);
    assert_eq!(answer(&app, request).await, "400 headers_too_large");
}

#[tokio::test]
async fn only_what_is_absent_may_be_made_up_by_the_active_tenant() {
    let fake = FakeDescope::start().await;
    let session = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let header = || UrlTenant::header(HeaderName::from_static("x-tenant")).or_active();
    let host = || {
        UrlTenant::subdomain_of("app.example.com")
            .unwrap()
            .or_active()
    };
    let path = || UrlTenant::path_segment(1).or_active();
    let cookie = || UrlTenant::cookie("tenant").or_active();
    let with = |fields: &[(&str, &[u8])]| get("/", &session, fields);
    let rows: [(UrlTenant, Request<()>, &str); 14] = [
        (header(), with(&[]), "U1@T1"),
        (header(), with(&[("x-tenant", b"")]), NOT_NAMED),
        (
            header(),
            with(&[("x-tenant", b"T1"), ("x-tenant", b"T1")]),
            NOT_NAMED,
        ),
        (host(), with(&[("host", b"app.example.com")]), "U1@T1"),
        (host(), with(&[("host", b"app.example.com.:443")]), "U1@T1"),
        (host(), with(&[("host", b"evil.example")]), NOT_NAMED),
        (host(), with(&[("host", b"127.0.0.1")]), NOT_NAMED),
        (
            host(),
            with(&[("host", b"x.t1.app.example.com")]),
            NOT_NAMED,
        ),
        (host(), with(&[]), NOT_NAMED),
        (path(), with(&[]), "U1@T1"),
        (path(), get("/t", &session, &[]), "U1@T1"),
        (path(), get("/t/", &session, &[]), NOT_NAMED),
        (cookie(), with(&[]), "U1@T1"),
        (
            cookie(),
            with(&[("cookie", b"tenant=T1; tenant=T2")]),
            NOT_NAMED,
        ),
    ];
    for (url_tenant, request, expected) in rows {
        let shown = format!("{url_tenant:?} {request:?}");
        assert_eq!(
            answer(&app(&fake, url_tenant), request).await,
            expected,
            "{shown}"
        );
    }
}

#[test]
fn a_domain_is_one_as_it_stands_in_a_url() {
    for domain in [
        "",
        ".",
        "*.example.com",
        "https://app.example.com",
        "app.example.com:443",
        "a..b",
        "ä.example",
        "a b",
    ] {
        let error = UrlTenant::subdomain_of(domain).unwrap_err();
        assert!(
            error.to_string().contains("is no domain"),
            "{domain:?}: {error}"
        );
    }
}
