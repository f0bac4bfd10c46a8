//! Anonymous users.

use serde_json::{Value, json};

use super::client::{REFRESH, SELECT, ann, payload, post};
use crate::test_util::{FakeDescope, FakeDescopeBuilder};

fn with_visitor() -> FakeDescopeBuilder {
    ann().user("visitor", |u| {
        u.id("U2visitor")
            .anonymous()
            .tenant("T2acme", |t| t.role("guest"))
            .claim("cart", "C1")
    })
}

#[tokio::test]
async fn a_visitor_s_tokens_say_so_and_go_on_to() {
    for says in [false, true] {
        for rotation in [false, true] {
            let fake = with_visitor()
                .danu_in_refresh_tokens(says)
                .rotation(rotation)
                .start()
                .await;
            let visitor = fake.sign_in("visitor");
            let danu = if says { json!(true) } else { Value::Null };
            let mut session = visitor.session_jwt().to_owned();
            let mut refresh = visitor.refresh_jwt().to_owned();
            for _ in 0..3 {
                let claims = payload(&session);
                assert_eq!(claims["sub"], "U2visitor");
                assert_eq!(claims["danu"], true);
                assert_eq!(claims["amr"], Value::Null);
                assert_eq!(claims["cart"], "C1");
                assert_eq!(payload(&refresh)["danu"], danu);
                assert_eq!(payload(&refresh)["amr"], Value::Null);
                let refreshed = post(&fake, REFRESH, &refresh, json!({})).await;
                session = refreshed.text("sessionJwt").into();
                if rotation {
                    refresh = refreshed.text("refreshJwt").into();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_made_by_hand_for_a_visitor_has_no_method_either() {
    let fake = with_visitor().start().await;
    let by_hand = fake.refresh("visitor").token();
    assert_eq!(payload(&by_hand)["amr"], Value::Null);
    let refreshed = post(&fake, REFRESH, &by_hand, json!({})).await;
    assert_eq!(refreshed.claims()["danu"], true);

    // And of one whom nobody knows, with what the token says.
    let stranger = fake.refresh("U9").anonymous().token();
    let refreshed = post(&fake, REFRESH, &stranger, json!({})).await;
    assert_eq!(refreshed.claims()["danu"], true);
    let next = refreshed.text("refreshJwt");
    assert_eq!(payload(next)["amr"], Value::Null);
    let again = post(&fake, REFRESH, next, json!({})).await;
    assert_eq!(again.claims()["danu"], true);
}

#[tokio::test]
async fn a_visitor_selects_a_tenant_unless_that_is_switched_off() {
    let select = async |fake: &FakeDescope, tenant: &str| {
        let visitor = fake.sign_in("visitor");
        post(
            fake,
            SELECT,
            visitor.refresh_jwt(),
            json!({ "tenant": tenant }),
        )
        .await
    };
    let fake = with_visitor().start().await;
    let selected = select(&fake, "T2acme").await;
    assert_eq!(selected.claims()["dct"], "T2acme");
    assert_eq!(selected.claims()["danu"], true);
    let outsider = (403, FakeDescope::NOT_A_MEMBER);
    assert_eq!(select(&fake, "T2beta").await.code(), outsider);

    let fake = with_visitor().anonymous_may_select(false).start().await;
    let refused = (403, FakeDescope::ANONYMOUS_REFUSED);
    assert_eq!(select(&fake, "T2acme").await.code(), refused);
    assert_eq!(select(&fake, "T2beta").await.code(), refused);
    let ann = fake.sign_in("U2ann");
    let selected = post(
        &fake,
        SELECT,
        ann.refresh_jwt(),
        json!({"tenant": "T2acme"}),
    )
    .await;
    assert_eq!(selected.status, 200);
}
