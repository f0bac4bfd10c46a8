//! Sign-ins at an identity provider: the way there, the page, the way back.

use serde_json::{Value, json};
use url::Url;

use super::client::{Page, Reply, ann, browse, post};
use crate::test_util::{Canned, FakeDescope};

const OAUTH: &str = "/v1/auth/oauth/authorize";
const SAML: &str = "/v1/auth/saml/authorize";
const SSO: &str = "/v1/auth/sso/authorize";

const BACK: &str = "https://app.example.test/auth/callback?state=a%26b&next=%2Fhome";

async fn ask(fake: &FakeDescope, path: &str, parameters: &[(&str, &str)]) -> Reply {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    post(fake, &format!("{path}?{}", query.finish()), "", json!({})).await
}

/// The page of an attempt that must be given one.
async fn page_url(fake: &FakeDescope, path: &str, parameters: &[(&str, &str)]) -> String {
    let started = ask(fake, path, parameters).await;
    assert_eq!(started.status, 200, "{}", started.body);
    started.text("url").to_owned()
}

/// Where the browser goes back to, with the query as pairs.
fn back(page: &Page) -> (String, Vec<(String, String)>) {
    assert_eq!(page.status, 302, "{}", page.html);
    assert_eq!(page.cache, "no-store");
    let url = Url::parse(&page.location).unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    let bare = page.location.split('?').next().unwrap();
    (bare.to_owned(), pairs)
}

fn parameter(page: &Page, name: &str) -> String {
    let (_, pairs) = back(page);
    let found = pairs.into_iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

async fn exchange(fake: &FakeDescope, path: &str, code: &str) -> Reply {
    let path = path.replace("authorize", "exchange");
    post(fake, &path, "", json!({"code": code})).await
}

#[tokio::test]
async fn who_follows_their_link_on_the_page_comes_back_with_a_code_for_a_session() {
    let fake = ann().start().await;
    for (path, target, page, method) in [
        (OAUTH, ("provider", "google"), "google", "oauth"),
        (SAML, ("tenant", "T2acme"), "sso", "fed"),
        (SAML, ("tenant", "ann@acme.test"), "sso", "fed"),
        (SSO, ("tenant", "T2acme"), "sso", "fed"),
    ] {
        let url = page_url(&fake, path, &[target, ("redirectURL", BACK)]).await;
        assert!(
            url.starts_with(&format!("{}/idp/{page}?", fake.url())),
            "{url}"
        );
        let shown = browse(&url).await;
        assert_eq!(shown.status, 200);
        assert!(
            shown.html.contains("Ann <small>ann@acme.test</small>"),
            "{}",
            shown.html
        );

        let chosen = browse(&shown.links(&url)[0]).await;
        let (bare, pairs) = back(&chosen);
        assert_eq!(bare, "https://app.example.test/auth/callback");
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["state", "next", "code"]);
        assert_eq!((pairs[0].1.as_str(), pairs[1].1.as_str()), ("a&b", "/home"));

        let answer = exchange(&fake, path, &pairs[2].1).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.claims()["sub"], "U2ann");
        assert_eq!(answer.claims()["amr"], json!([method]));
        assert_eq!(answer.claims()["dct"], Value::Null);
        assert_eq!(answer.body["user"]["userId"], "U2ann");
        assert!(!answer.text("refreshJwt").is_empty());
    }
}

#[tokio::test]
async fn the_page_has_no_script_and_shows_names_as_text() {
    let hostile = "<script>alert('\"&')</script>";
    let fake = ann()
        .tenant("T2evil", hostile)
        .user("eve@acme.test", |u| {
            u.id("U2 \"><i>&'").name(hostile).tenant("T2evil", |t| t)
        })
        .start()
        .await;
    let url = page_url(&fake, SAML, &[("tenant", "T2evil"), ("redirectURL", BACK)]).await;
    let shown = browse(&url).await;
    assert!(!shown.html.contains("<script"), "{}", shown.html);
    assert!(!shown.html.contains("<i>"), "{}", shown.html);
    let escaped = "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;";
    // In the title, in the heading, and in the link.
    assert_eq!(shown.html.matches(escaped).count(), 3, "{}", shown.html);
    assert!(
        shown.policy.starts_with("default-src 'none';"),
        "{}",
        shown.policy
    );
    assert!(!shown.policy.contains("script"), "{}", shown.policy);
    assert_eq!(shown.cache, "no-store");

    let chosen = browse(&shown.links(&url)[0]).await;
    let answer = exchange(&fake, SAML, &parameter(&chosen, "code")).await;
    assert_eq!(answer.claims()["sub"], "U2 \"><i>&'");
}

#[tokio::test]
async fn single_sign_on_is_for_members_and_no_provider_knows_visitors() {
    let fake = ann()
        .user("bob@beta.test", |u| u.id("U2bob").tenant("T2beta", |t| t))
        .user("visitor", |u| {
            u.id("U2visitor").tenant("T2acme", |t| t).anonymous()
        })
        .start()
        .await;
    for (path, target, people) in [
        (
            OAUTH,
            ("provider", "google"),
            ["ann@acme.test", "bob@beta.test"].as_slice(),
        ),
        (SAML, ("tenant", "T2acme"), &["ann@acme.test"]),
        (
            SAML,
            ("tenant", "T2beta"),
            &["ann@acme.test", "bob@beta.test"],
        ),
    ] {
        let url = page_url(&fake, path, &[target, ("redirectURL", BACK)]).await;
        let shown = browse(&url).await;
        let listed = shown.html.split("<small>").skip(1);
        let listed: Vec<_> = listed.map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(listed, people, "{target:?}");
    }
    // Nor does it help to make the link oneself.
    let url = page_url(&fake, SAML, &[("tenant", "T2acme"), ("redirectURL", BACK)]).await;
    for user in ["U2bob", "U2visitor", "U2nobody"] {
        assert_eq!(
            browse(&format!("{url}&user={user}")).await.status,
            404,
            "{user}"
        );
    }
}

#[tokio::test]
async fn a_hint_chooses_by_itself_unless_the_person_is_to_be_asked() {
    let fake = ann()
        .user("bob@beta.test", |u| u.id("U2bob").tenant("T2beta", |t| t))
        .start()
        .await;
    let sso = [
        ("tenant", "T2acme"),
        ("redirectURL", BACK),
        ("loginHint", "ann@acme.test"),
    ];
    let url = page_url(&fake, SAML, &sso).await;
    let chosen = browse(&url).await;
    let answer = exchange(&fake, SAML, &parameter(&chosen, "code")).await;
    assert_eq!(answer.claims()["sub"], "U2ann");

    for (force, status) in [("false", 302), ("true", 200)] {
        let asked = [&sso[..], &[("forceAuthn", force)]].concat();
        let url = page_url(&fake, SAML, &asked).await;
        assert_eq!(browse(&url).await.status, status, "{force}");
    }
    // A hint that names nobody who could sign in there is none.
    for hint in ["nobody@acme.test", "bob@beta.test"] {
        let url = page_url(&fake, SAML, &[sso[0], sso[1], ("loginHint", hint)]).await;
        assert_eq!(browse(&url).await.status, 200, "{hint}");
    }
}

#[tokio::test]
async fn who_is_denied_comes_back_with_err_and_without_a_code() {
    let fake = ann().start().await;
    let asked = [
        ("provider", "google"),
        ("redirectURL", BACK),
        ("loginHint", "U2ann"),
    ];
    let url = page_url(&fake, OAUTH, &asked).await;
    fake.deny_next_sign_in();
    fake.deny_next_sign_in();
    for _ in 0..2 {
        let denied = browse(&url).await;
        assert_eq!(parameter(&denied, "err"), "access_denied");
        assert_eq!(parameter(&denied, "code"), "");
        assert_eq!(parameter(&denied, "state"), "a&b");
    }
    assert_ne!(parameter(&browse(&url).await, "code"), "");

    let url = page_url(&fake, OAUTH, &asked[..2]).await;
    let cancel = browse(&url).await.links(&url).pop().unwrap();
    assert_eq!(parameter(&browse(&cancel).await, "err"), "access_denied");
}

#[tokio::test]
async fn the_query_of_the_redirect_url_may_be_dropped() {
    let fake = ann().drops_redirect_query(true).start().await;
    let asked = [
        ("provider", "google"),
        ("redirectURL", BACK),
        ("loginHint", "U2ann"),
    ];
    let url = page_url(&fake, OAUTH, &asked).await;
    let (bare, pairs) = back(&browse(&url).await);
    assert_eq!(bare, "https://app.example.test/auth/callback");
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code"]);
}

#[tokio::test]
async fn a_start_that_is_not_right_is_refused() {
    let fake = ann().start().await;
    let redirect = ("redirectURL", BACK);
    let unknown = FakeDescope::UNKNOWN_TENANT;
    for (path, parameters, code) in [
        (OAUTH, vec![redirect], "E011002"),
        (OAUTH, vec![("provider", ""), redirect], "E011002"),
        (OAUTH, vec![("provider", "a/b"), redirect], "E011003"),
        (OAUTH, vec![("provider", "sso"), redirect], "E011003"),
        (OAUTH, vec![("provider", "google")], "E011002"),
        (SAML, vec![redirect], "E011002"),
        (SAML, vec![("tenant", "T2none"), redirect], unknown),
        (SAML, vec![("tenant", "acme.test"), redirect], unknown),
        (SAML, vec![("tenant", "@acme.test"), redirect], unknown),
        (
            SAML,
            vec![("tenant", "nobody@acme.test"), redirect],
            unknown,
        ),
        (SSO, vec![("tenant", "acme.test"), redirect], unknown),
    ] {
        let refused = ask(&fake, path, &parameters).await;
        assert_eq!(refused.code(), (400, code), "{path} {parameters:?}");
    }
    for url in [
        "/callback",
        "//app.test/",
        "https:app.test",
        "app://callback",
        "https://",
        "x",
    ] {
        let refused = ask(
            &fake,
            OAUTH,
            &[("provider", "google"), ("redirectURL", url)],
        )
        .await;
        assert_eq!(refused.code(), (400, "E011003"), "{url}");
    }
    for (path, option) in [
        (OAUTH, "later"),
        (OAUTH, "forceAuthn"),
        (SAML, "provider"),
        (SAML, "ssoId"),
        (SAML, "prompt"),
        (SAML, "initiatedEmail"),
    ] {
        let refused = ask(&fake, path, &[redirect, (option, "x")]).await;
        assert_eq!(
            refused.code(),
            (400, FakeDescope::UNKNOWN_OPTION),
            "{path} {option}"
        );
        assert!(refused.text("errorDescription").contains(option));
    }
    let path = format!("{OAUTH}?provider=google&redirectURL=https://app.test/");
    for (body, code) in [
        (json!({"stepup": true}), FakeDescope::UNKNOWN_OPTION),
        (
            json!({"customClaims": {"a": 1}}),
            FakeDescope::UNKNOWN_OPTION,
        ),
        (json!([]), "E011001"),
    ] {
        assert_eq!(post(&fake, &path, "", body).await.code(), (400, code));
    }
    for body in [json!({"stepup": false, "customClaims": null}), Value::Null] {
        assert_eq!(post(&fake, &path, "", body).await.status, 200);
    }
}

#[tokio::test]
async fn with_approved_domains_the_others_are_refused() {
    let fake = ann()
        .approved_domain("app.example.test")
        .approved_domain("Other.test")
        .start()
        .await;
    for (url, approved) in [
        (BACK, true),
        ("http://APP.example.test:8080/", true),
        ("https://other.test/", true),
        ("https://example.test/", false),
        ("https://sub.app.example.test/", false),
        ("https://app.example.test.evil.test/", false),
        ("https://app.example.test@evil.test/", false),
        ("https://evil.test/?https://app.example.test/", false),
    ] {
        for target in [("provider", "google"), ("tenant", "T2acme")] {
            let path = if target.0 == "tenant" { SAML } else { OAUTH };
            let answer = ask(&fake, path, &[target, ("redirectURL", url)]).await;
            if approved {
                assert_eq!(answer.status, 200, "{url}");
            } else {
                let code = (400, FakeDescope::REDIRECT_NOT_APPROVED);
                assert_eq!(answer.code(), code, "{url}");
            }
        }
    }
}

#[tokio::test]
async fn the_page_of_another_attempt_or_of_none_is_not_found() {
    let fake = ann().start().await;
    let asked = [("provider", "google"), ("redirectURL", BACK)];
    let url = page_url(&fake, OAUTH, &asked).await;
    for wrong in [
        url.replace("google", "github"),
        url.replace("google", "sso"),
        url.replace("attempt=", "attempt=X"),
        format!("{}/idp/google", fake.url()),
    ] {
        assert_eq!(browse(&wrong).await.status, 404, "{wrong}");
    }
    let unknown = browse(&format!("{url}&redirectURL=https://evil.test/")).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn faults_and_records_are_for_these_paths_too() {
    let fake = ann().start().await;
    let asked = [("provider", "google"), ("redirectURL", BACK)];
    fake.fail_next(1);
    assert_eq!(ask(&fake, OAUTH, &asked).await.code(), (503, "E990503"));
    let url = page_url(&fake, OAUTH, &asked).await;
    fake.respond_next("/idp/google", Canned::html(502, "bad"));
    assert_eq!(browse(&url).await.status, 502);
    assert_eq!(browse(&url).await.status, 200);
    assert_eq!((fake.calls(OAUTH), fake.calls("/idp/google")), (2, 2));

    let code = fake.oauth_code("google", "U2ann");
    fake.drop_connection_next("/v1/auth/oauth/exchange");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(format!("{}/v1/auth/oauth/exchange", fake.url()))
        .bearer_auth(fake.project_id())
        .body(json!({"code": code}).to_string());
    request.send().await.unwrap_err();
    // The answer was lost, and with it the code.
    assert_eq!(exchange(&fake, OAUTH, &code).await.code(), (401, "E061301"));
}
