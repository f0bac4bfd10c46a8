//! Flows that leave the page: to an identity provider, to a mailbox.

use serde_json::json;
use url::Url;

use super::{
    client::{ann, browse, post},
    flow::{Flow, HTML, LOCATION, begin, begin_as},
};
use crate::test_util::{FakeDescope, FakeFlow};

/// Who signs in at the identity provider to which the last answer leads, or nobody; the flow as the
/// page finds it that the browser comes back to, and what it came back with.
async fn come_back(fake: &FakeDescope, flow: &Flow, who: Option<&str>) -> (Flow, String, Url) {
    let url = flow.body["redirect"]["url"].as_str().unwrap();
    let choice = who.map_or("&cancel=1".to_owned(), |who| format!("&user={who}"));
    let page = browse(&format!("{url}{choice}")).await;
    assert_eq!(page.status, 302, "{}", page.html);
    let back = Url::parse(&page.location).unwrap();
    let value = |name: &str| {
        let found = back.query_pairs().find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned())
    };
    let run_ids = value("descope-login-flow").unwrap();
    let (execution, step) = run_ids.split_once('_').unwrap();
    let result = value("code").or_else(|| value("err")).unwrap();
    (Flow::of(fake, execution, step), result, back)
}

#[tokio::test]
async fn a_redirect_leads_to_the_identity_provider_and_back_into_the_flow() {
    let fake = ann()
        .flow("google", |f| f.redirects("google"))
        .flow("sso", |f| f.screen(HTML).single_sign_on("T2acme"))
        .sso_selects_tenant(true)
        .start()
        .await;
    for (id, page, step, method, tenant) in [
        ("google", "google", "1", "oauth", json!(null)),
        ("sso", "sso", "2", "fed", json!("T2acme")),
    ] {
        let mut flow = begin(&fake, id).await;
        if id == "sso" {
            flow.submit(json!({})).await;
        }
        assert_eq!(
            (flow.text("stepId"), flow.text("action")),
            (step, "redirect")
        );
        let idp = format!("{}/idp/{page}?", fake.url());
        assert!(
            flow.body["redirect"]["url"]
                .as_str()
                .unwrap()
                .starts_with(&idp)
        );
        let (mut returned, code, back) = come_back(&fake, &flow, Some("U2ann")).await;
        let expected = format!(
            "{LOCATION}&descope-login-flow={id}%7C%23%7C{}_{step}&code={code}",
            flow.id().rsplit("|#|").next().unwrap(),
        );
        assert_eq!(back.as_str(), expected);
        assert_eq!(returned.id(), flow.id());
        // The page's own storage has the nonce.
        returned.nonce.clone_from(&flow.nonce);
        returned.submit(json!({"exchangeCode": code})).await;
        assert_eq!(returned.text("status"), "completed");
        assert_eq!(returned.claims()["sub"], "U2ann");
        assert_eq!(returned.claims()["amr"], json!([method]));
        assert_eq!(returned.claims()["dct"], tenant);
        returned.submit(json!({"exchangeCode": code})).await;
        assert_eq!(returned.code(), (400, "E103205"));
    }
}

#[tokio::test]
async fn who_does_not_sign_in_is_back_at_the_last_screen_with_an_error() {
    let fake = ann()
        .flow("with-screen", |f| f.screen(HTML).redirects("google"))
        .flow("without", |f| f.single_sign_on("T2acme"))
        .start()
        .await;
    let mut flow = begin(&fake, "with-screen").await;
    flow.submit(json!({})).await;
    let (mut returned, err, _) = come_back(&fake, &flow, None).await;
    assert_eq!(err, "access_denied");
    returned.submit(json!({"exchangeError": err})).await;
    assert_eq!((returned.status, returned.error()), (200, "E061301"));
    assert_eq!(returned.shown(), ("1", "screen", "with-screen.1"));
    returned.submit(json!({})).await;
    let (mut returned, _, _) = come_back(&fake, &returned, None).await;
    returned.submit(json!({"exchangeCode": "made-up"})).await;
    assert_eq!((returned.status, returned.error()), (200, "E061301"));

    let flow = begin(&fake, "without").await;
    let (mut returned, err, _) = come_back(&fake, &flow, None).await;
    returned.submit(json!({"exchangeError": err})).await;
    assert_eq!(returned.error(), FakeDescope::SSO_CODE_REFUSED);
    assert_eq!(returned.shown(), ("1", "redirect", ""));
}

#[tokio::test]
async fn the_way_back_is_the_redirect_url_if_there_is_one_and_approved() {
    let fake = ann()
        .flow("google", |f| f.redirects("google"))
        .flow("sso", |f| f.single_sign_on("T2acme"))
        .approved_domain("app.example.test")
        .drops_redirect_query(true)
        .start()
        .await;
    let start = async |id: &str, options| {
        Flow::start(&fake, "", json!({"flowId": id, "options": options})).await
    };
    let url = format!("{LOCATION}&descope-login-flow=old_1&code=old");
    let flow = start(
        "google",
        json!({"location": "https://x.test/", "redirectUrl": url}),
    )
    .await;
    let (_, code, back) = come_back(&fake, &flow, Some("U2ann")).await;
    let query: Vec<_> = back
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(query, ["descope-login-flow", "code"]);
    assert!(back.as_str().ends_with(&code));

    let refused = start("google", json!({"location": "https://x.test/"})).await;
    assert_eq!(refused.code(), (400, FakeDescope::REDIRECT_NOT_APPROVED));
    assert_eq!(start("google", json!({})).await.code(), (400, "E011002"));
    assert_eq!(
        start("google", json!({"location": "about:blank"}))
            .await
            .code(),
        (400, "E011003")
    );
    // The start may name another tenant than the script.
    let flow = start("sso", json!({"location": LOCATION, "tenant": "T2none"})).await;
    assert_eq!(flow.code(), (400, FakeDescope::UNKNOWN_TENANT));
    let flow = start("sso", json!({"location": LOCATION, "tenant": "T2beta"})).await;
    let page = browse(flow.body["redirect"]["url"].as_str().unwrap()).await;
    assert!(page.html.contains("T2beta"), "{}", page.html);
}

#[tokio::test]
async fn the_last_of_the_polls_goes_on() {
    let fake = ann()
        .flow("polls", |f| f.asks_login().polls(2))
        .start()
        .await;
    let mut flow = begin_as(&fake, "polls", "ann@acme.test").await;
    for action in ["screen", "poll"] {
        assert_eq!(flow.shown(), ("2", action, "polls.2"));
        assert_eq!(flow.text("status"), "waiting");
        flow.poll().await;
    }
    assert_eq!(flow.text("status"), "completed");
    flow.poll().await;
    assert_eq!(flow.code(), (400, "E103202"));

    // What is no poll does not count as one, and a poll passes no screen.
    let mut flow = begin(&fake, "polls").await;
    flow.poll().await;
    assert_eq!(flow.shown(), ("1", "screen", "polls.1"));
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    flow.submit(json!({})).await;
    flow.poll().await;
    assert_eq!(flow.shown(), ("2", "poll", "polls.2"));
}

#[tokio::test]
async fn a_magic_link_goes_on_in_the_browser_that_follows_it() {
    let fake = ann()
        .flow("link", |f| f.asks_login().sends_link())
        .start()
        .await;
    let mut flow = begin_as(&fake, "link", "ann@acme.test").await;
    assert_eq!(flow.shown(), ("2", "screen", "link.2"));
    flow.poll().await;
    assert_eq!(flow.shown(), ("2", "poll", "link.2"));
    let [link] = &fake.links()[..] else {
        panic!("one link: {:?}", fake.links())
    };
    assert_eq!(link.login_id, "ann@acme.test");
    assert_eq!(
        (link.execution_id.as_str(), link.step_id.as_str()),
        (flow.id(), "2")
    );
    let url = link.url.as_deref().unwrap();
    assert!(
        url.starts_with(&format!("{LOCATION}&descope-login-flow=link%7C")),
        "{url}"
    );
    assert!(url.ends_with(&format!("_2&t={}", link.token)), "{url}");

    let mut other = Flow::of(&fake, flow.id(), "2");
    other.submit(json!({"token": "made-up"})).await;
    assert_eq!(
        (other.status, other.error()),
        (200, FakeDescope::LINK_REFUSED)
    );
    assert_eq!(other.shown(), ("2", "screen", "link.2"));
    other.nonce.clear();
    other.submit(json!({"token": link.token})).await;
    assert_eq!(other.text("status"), "completed");
    assert_eq!(other.body["lastAuth"]["authMethod"], "magiclink");
    assert_eq!(other.claims()["sub"], "U2ann");
    assert_eq!(other.claims()["amr"], json!(["email"]));
    flow.poll().await;
    assert_eq!(flow.code(), (400, "E103202"));
}

#[tokio::test]
async fn an_enchanted_link_goes_on_in_the_browser_that_polls() {
    let fake = ann()
        .flow("link", |f| f.asks_login().sends_enchanted_link())
        .start()
        .await;
    let mut flow = begin_as(&fake, "link", "ann@acme.test").await;
    let token = fake.links()[0].token.clone();
    let mut phone = Flow::of(&fake, flow.id(), "2");
    phone.submit(json!({"token": token})).await;
    assert_eq!((phone.status, phone.error()), (200, ""));
    assert_eq!(phone.shown(), ("2", "screen", "link.2-opened"));
    assert_eq!(phone.body.get("authInfo"), None);
    phone.submit(json!({"token": token})).await;
    assert_eq!(phone.error(), FakeDescope::LINK_REFUSED);

    flow.poll().await;
    assert_eq!(flow.text("status"), "completed");
    assert_eq!(flow.claims()["sub"], "U2ann");
    assert_eq!(flow.body["lastAuth"]["authMethod"], "enchantedlink");
}

#[tokio::test]
async fn a_new_link_makes_the_last_one_void() {
    let fake = ann()
        .flow("link", |f| f.asks_login().sends_link())
        .flow("nobody", FakeFlow::sends_link)
        .start()
        .await;
    let mut flow = begin_as(&fake, "link", "ann@acme.test").await;
    flow.submit(json!({})).await;
    let links = fake.links();
    assert_eq!(links.len(), 2);
    flow.submit(json!({"token": links[0].token})).await;
    assert_eq!(flow.error(), FakeDescope::LINK_REFUSED);
    flow.submit(json!({"token": links[1].token})).await;
    assert_eq!(flow.text("status"), "completed");
    assert_eq!(begin(&fake, "nobody").await.code(), (400, "E011002"));

    let body = json!({
        "flowId": "link", "interactionId": "submit", "input": {"loginId": "ann@acme.test"},
    });
    Flow::start(&fake, "", body).await;
    assert_eq!(fake.links()[2].url, None);
}

#[tokio::test]
async fn a_start_takes_what_the_page_was_opened_with() {
    let fake = ann()
        .flow("link", |f| f.asks_login().sends_link())
        .flow("sign-in", |f| {
            f.asks_login().asks_code().hides_first_screen()
        })
        .start()
        .await;
    let start =
        async |input| Flow::start(&fake, "", json!({"flowId": "sign-in", "input": input})).await;
    for code in [
        fake.oauth_code("google", "ann@acme.test"),
        fake.sso_code("T2acme", "ann@acme.test"),
    ] {
        let input = json!({"exchangeCode": code, "idpInitiated": true});
        let flow = start(input.clone()).await;
        assert_eq!(flow.claims()["sub"], "U2ann");
        assert_eq!(start(input).await.code(), (401, "E061301"));
    }
    let code = fake.oauth_code("google", "ann@acme.test");
    let flow = start(json!({ "exchangeCode": code })).await;
    assert_eq!(flow.shown(), ("1", "screen", "sign-in.1"));

    begin_as(&fake, "link", "ann@acme.test").await;
    let token = fake.links()[0].token.clone();
    assert_eq!(
        start(json!({ "token": token })).await.claims()["sub"],
        "U2ann"
    );
    let again = start(json!({ "token": token })).await;
    assert_eq!(again.code(), (401, FakeDescope::LINK_REFUSED));
}

#[tokio::test]
async fn a_call_of_the_project_is_no_way_around_its_id() {
    let fake = ann().flow("sign-in", FakeFlow::asks_login).start().await;
    let other = FakeDescope::start().await;
    let refused = post(&other, "/v1/flow/start", "", json!({"flowId": "sign-in"})).await;
    assert_eq!(refused.code(), (400, FakeDescope::UNKNOWN_FLOW));
    let headers = [("authorization", "Bearer P2other")];
    let body = Some(json!({"flowId": "sign-in"}));
    let refused = super::client::send(&fake, "/v1/flow/start", &headers, body).await;
    assert_eq!(refused.code(), (400, "E011001"));
}
