//! Deliveries that are signed, and what comes of them.

use std::time::Duration;

use http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;
use tower_descope::{RevocationWebhook, SessionToken, UserId, test_util::FakeDescope};

use super::{Hook, Hooked, SECRET, deleted, signed, webhook};
use crate::support::{
    app,
    browser::Browser,
    call, code, verdict,
    world::{REFRESH, late},
};

/// A session token of a user, active in `T1`.
fn token(fake: &FakeDescope, user: &str) -> String {
    let session = fake.session(user).tenant("T1", |t| t);
    session.active("T1").token()
}

#[tokio::test]
async fn whoever_is_deleted_is_refused_and_everybody_else_goes_on() {
    let Hooked {
        fake,
        descope,
        hook,
    } = Hooked::start().await;
    let app = app(&descope);
    let (ann, bob) = (token(&fake, "U1"), token(&fake, "U2"));
    assert_eq!(verdict(&app, &ann).await, "U1@T1");
    let answer = hook.deliver(&deleted("U1")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    assert_eq!(verdict(&app, &ann).await, "session_revoked");
    assert_eq!(verdict(&app, &bob).await, "U2@T1");
}

#[tokio::test]
async fn every_event_of_a_list_counts_and_other_events_mark_nobody() {
    let Hooked {
        fake,
        descope,
        hook,
    } = Hooked::start().await;
    let app = app(&descope);
    let project = fake.project_id();
    let users = ["U1", "U2", "U3", "U4", "U5", "K1"];
    let tokens = users.map(|user| token(&fake, user));
    let list = json!([
        {"action": "User Modified", "userId": "U1", "projectId": project},
        {"action": "UsersDeleted", "data": {"userIds": ["U2"]}},
        {"action": "LoginSucceed", "userId": "U3"},
        {"action": "UserDeleted", "userId": "U4", "projectId": "P2another"},
        {"action": "SomethingNew", "userId": "U5"},
        {"action": "AccessKeyDeleted", "data": {"access_key_id": "K1"}},
    ]);
    assert_eq!(hook.deliver(&list.to_string()).await.status, 204);
    let mut seen = Vec::new();
    for token in &tokens {
        seen.push(verdict(&app, token).await);
    }
    let revoked = "session_revoked";
    assert_eq!(seen, [revoked, revoked, "U3@T1", "U4@T1", "U5@T1", revoked]);
}

#[tokio::test]
async fn a_delivery_that_comes_again_costs_a_renewal_and_ends_no_session() {
    let Hooked {
        fake,
        descope,
        hook,
    } = Hooked::start().await;
    let app = late(&descope);
    let mut ann = Browser::ann(&fake);
    let delivery = deleted("U1");
    for times in 1..=3 {
        fake.clock().advance(Duration::from_secs(5));
        assert_eq!(hook.deliver(&delivery).await.status, 204);
        assert_eq!(hook.deliver(&delivery).await.status, 204);
        fake.clock().advance(Duration::from_secs(5));
        for _ in 0..2 {
            assert_eq!(ann.visit(&app).await.status(), StatusCode::OK);
        }
        assert_eq!(fake.calls(REFRESH), times);
    }
}

#[tokio::test]
async fn whatever_is_signed_is_answered_204() {
    let Hooked {
        fake,
        hook,
        descope,
    } = Hooked::start().await;
    let ann = SessionToken::new(token(&fake, "U1"));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "\"UserDeleted\"",
        "{\"action\":",
        "action=UserDeleted&userId=U1",
        r#"{"action":["UserDeleted"],"userId":"U1"}"#,
        r#"{"action":"UserDeleted"}"#,
        r#"{"action":"UserDeleted","userId":{"userId":["\u0000",1,null]}}"#,
    ] {
        let answer = hook.deliver(body).await;
        assert_eq!(answer.status, 204, "{body}");
    }
    descope.verify(&ann).await.unwrap();
    assert_eq!(descope.revocation_status().unwrap().marks, 0);
}

#[tokio::test]
async fn events_that_name_nobody_mark_everybody_where_that_is_set() {
    let Hooked { fake, descope, .. } = Hooked::start().await;
    let set = |everybody| {
        RevocationWebhook::builder(descope.clone(), SECRET).everybody_if_unnamed(everybody)
    };
    let app = app(&descope);
    let ann = token(&fake, "U1");
    for (everybody, action, seen) in [
        (false, "UsersDeleted", "U1@T1"),
        (true, "LoginSucceed", "U1@T1"),
        (true, "UsersDeleted", "session_revoked"),
    ] {
        let hook = Hook::serve(set(everybody).build().unwrap()).await;
        let event = json!({"action": action, "actorId": "U9", "userId": "U9"});
        assert_eq!(hook.deliver(&event.to_string()).await.status, 204);
        assert_eq!(verdict(&app, &ann).await, seen, "{everybody} {action}");
    }
}

#[tokio::test]
async fn thousands_of_users_are_marked_by_one_delivery() {
    let Hooked {
        fake,
        descope,
        hook,
    } = Hooked::start().await;
    let users: Vec<_> = (0..3_000).map(|n| format!("U{n:026}")).collect();
    let last = SessionToken::new(token(&fake, users.last().unwrap()));
    let event = json!({"action": "UsersModified", "data": {"users": users}});
    assert_eq!(hook.deliver(&event.to_string()).await.status, 204);
    assert_eq!(descope.revocation_status().unwrap().marks, 3_000);
    let refused = descope.verify(&last).await.unwrap_err();
    assert_eq!(refused.code(), "session_revoked");
}

#[tokio::test]
async fn a_browser_of_a_deleted_user_is_refused_by_its_cookies_too() {
    let Hooked {
        fake,
        descope,
        hook,
    } = Hooked::start().await;
    let app = app(&descope);
    let ann = Browser::ann(&fake);
    assert_eq!(call(&app, ann.get()).await.status(), StatusCode::OK);
    hook.deliver(&deleted("U1")).await;
    let response = call(&app, ann.get()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(&response), "session_revoked");
}

#[tokio::test]
async fn a_former_secret_is_good_while_it_is_set() {
    let Hooked { descope, .. } = Hooked::start().await;
    let former = "the-secret-before-this-one";
    let rotated = RevocationWebhook::builder(descope.clone(), SECRET).former_secret(former);
    let body = deleted("U1");
    for (webhook, statuses) in [
        (webhook(&descope), [204, 401]),
        (rotated.build().unwrap(), [204, 204]),
    ] {
        let hook = Hook::serve(webhook).await;
        for (secret, status) in [SECRET, former].into_iter().zip(statuses) {
            let answer = hook.send(signed(secret, &body), &body).await;
            assert_eq!(answer.status, status, "{secret}");
        }
    }
}

#[tokio::test]
async fn a_body_is_read_whatever_type_it_is_said_to_be() {
    let Hooked { descope, .. } = Hooked::start().await;
    let body = deleted("U1");
    for ty in ["text/plain", "application/json; charset=utf-8", ""] {
        let request = Request::post("/")
            .header("content-type", ty)
            .header(
                super::SIGNATURE,
                FakeDescope::webhook_signature(SECRET, &body),
            )
            .body(body.clone())
            .unwrap();
        let response = webhook(&descope).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 204, "{ty}");
    }
    let user = UserId::new("U1").unwrap();
    descope
        .revoke(tower_descope::Mark::user(&user))
        .await
        .unwrap();
    assert_eq!(descope.revocation_status().unwrap().marks, 1, "one mark");
}
