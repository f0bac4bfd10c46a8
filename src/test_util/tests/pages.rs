//! The pages of flows.

use serde_json::json;

use super::client::{ann, browse, send};

#[tokio::test]
async fn the_component_finds_its_configuration_and_its_screens() {
    let fake = ann()
        .flow("sign-in", |f| {
            f.screen("<p>Who?</p>").asks_login().asks_code()
        })
        .flow("hidden", |f| f.asks_login().hides_first_screen())
        .flow("google", |f| f.redirects("google").screen("<p>Welcome</p>"))
        .flow("link", |f| f.asks_login().sends_enchanted_link().polls(2))
        .start()
        .await;
    let folder = format!("/pages/{}/v2-beta", fake.project_id());
    let config = send(&fake, &format!("{folder}/config.json"), &[], None).await;
    assert_eq!(config.status, 200);
    assert_eq!(
        config.body["flows"],
        json!({
            "sign-in": {
                "version": 1, "startScreenId": "sign-in.1", "startScreenName": "Screen",
            },
            "hidden": {"version": 1},
            "google": {"version": 1},
            "link": {
                "version": 1, "startScreenId": "link.1", "startScreenName": "Screen",
            },
        })
    );
    assert!(config.body["componentsVersion"].is_string());
    let theme = send(&fake, &format!("{folder}/theme.json"), &[], None).await;
    for (scheme, has_style) in [("light", true), ("dark", false)] {
        let globals = theme.body[scheme]["globals"].as_str().unwrap();
        assert_eq!(globals.contains("#root"), has_style, "{globals}");
        assert_eq!(theme.body[scheme]["components"], json!({}));
    }

    let screen = async |name: &str| {
        let page = browse(&format!("{}{folder}/{name}.html", fake.url())).await;
        (page.status, page.html)
    };
    assert_eq!(screen("sign-in.1").await, (200, "<p>Who?</p>".into()));
    let (status, own) = screen("sign-in.2").await;
    assert!(status == 200 && own.contains(r#"name="code""#), "{own}");
    assert_eq!(screen("google.2").await, (200, "<p>Welcome</p>".into()));
    // The component asks again and again where there is such an element.
    for waiting in ["link.2", "link.3"] {
        let (status, html) = screen(waiting).await;
        assert!(
            status == 200 && html.contains(r#"data-type="polling""#),
            "{html}"
        );
    }
    assert_eq!(screen("link.2-opened").await.0, 200);
    for missing in [
        "google.1",
        "link.1-opened",
        "link.3-opened",
        "sign-in.3",
        "sign-in.01",
        "sign-in.1-en",
        "sign-in",
        "x.1",
    ] {
        assert_eq!(screen(missing).await.0, 404, "{missing}");
    }
    for path in [
        "/pages/P2other/v2-beta/config.json",
        "/pages//v2-beta/config.json",
        "/pages/config.json",
        &format!("/pages/{}/v2-alpha/config.json", fake.project_id()),
    ] {
        assert_eq!(send(&fake, path, &[], None).await.status, 404, "{path}");
    }
}
