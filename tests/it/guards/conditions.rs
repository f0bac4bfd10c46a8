//! What each guard asks for, and the response of its refusal.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;
use tower_descope::{
    Require,
    test_util::{FakeDescope, Template, TokenBuilder},
};

use super::guarded;
use crate::support::{challenge, code, verdict, with_bearer};

/// Ann, an owner of `T1` who may read invoices there, and a viewer of `T2`.
fn ann(fake: &FakeDescope) -> TokenBuilder {
    fake.session("U1")
        .role("root")
        .tenant("T1", |t| {
            t.role("owner").role("dev").permission("invoice.read")
        })
        .tenant("T2", |t| t.role("viewer"))
}

#[tokio::test]
async fn roles_and_permissions_are_those_of_the_active_tenant() {
    let fake = FakeDescope::start().await;
    let in_t1 = ann(&fake).active("T1").token();
    let in_t2 = ann(&fake).active("T2").token();
    for (guard, t1, t2) in [
        (Require::tenant(), "U1@T1", "U1@T2"),
        (Require::role("owner"), "U1@T1", "missing_role"),
        (Require::role("viewer"), "missing_role", "U1@T2"),
        (Require::role("Owner"), "missing_role", "missing_role"),
        // The project's own role is no tenant's.
        (Require::role("root"), "missing_role", "missing_role"),
        (
            Require::all_roles(["owner", "dev"]),
            "U1@T1",
            "missing_role",
        ),
        (
            Require::all_roles(["owner", "x"]),
            "missing_role",
            "missing_role",
        ),
        (Require::any_role(["owner", "viewer"]), "U1@T1", "U1@T2"),
        (
            Require::any_role(["x", "y"]),
            "missing_role",
            "missing_role",
        ),
        (Require::any_role([""; 0]), "missing_role", "missing_role"),
        (Require::all_roles([""; 0]), "U1@T1", "U1@T2"),
        (
            Require::permission("invoice.read"),
            "U1@T1",
            "missing_permission",
        ),
        (
            Require::all_permissions(["invoice.read", "x"]),
            "missing_permission",
            "missing_permission",
        ),
        (
            Require::any_permission(["x", "invoice.read"]),
            "U1@T1",
            "missing_permission",
        ),
    ] {
        let shown = format!("{guard:?}");
        let app = guarded(&fake, guard);
        assert_eq!(verdict(&app, &in_t1).await, t1, "{shown}");
        assert_eq!(verdict(&app, &in_t2).await, t2, "{shown}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_active_or_not_the_users_has_no_roles() {
    let fake = FakeDescope::start().await;
    let none = ann(&fake).token();
    let foreign = ann(&fake).active_without_membership("T9").token();
    for guard in [
        Require::tenant(),
        Require::role("owner"),
        Require::permission("invoice.read"),
    ] {
        let app = guarded(&fake, guard);
        assert_eq!(verdict(&app, &none).await, "no_active_tenant");
        assert_eq!(verdict(&app, &foreign).await, "tenant_mismatch");
    }
}

#[tokio::test]
async fn of_a_token_without_tenants_the_root_roles_count() {
    let fake = FakeDescope::builder()
        .jwt_template(Template::CurrentTenant)
        .start()
        .await;
    let token = ann(&fake).active("T1").token();
    let app = guarded(
        &fake,
        Require::role("owner").and(Require::permission("invoice.read")),
    );
    assert_eq!(verdict(&app, &token).await, "U1@T1");
    assert_eq!(
        verdict(&guarded(&fake, Require::role("viewer")), &token).await,
        "missing_role"
    );
}

#[tokio::test]
async fn guards_are_joined_and_the_first_that_fails_is_the_reason() {
    let fake = FakeDescope::start().await;
    let guard = || {
        Require::role("owner")
            .and(Require::step_up())
            .and(Require::not_impersonated().and(Require::permission("invoice.read")))
    };
    let app = guarded(&fake, guard());
    let ann = || ann(&fake).active("T1");
    assert_eq!(verdict(&app, &ann().stepped_up().token()).await, "U1@T1");
    assert_eq!(verdict(&app, &ann().token()).await, "step_up_required");
    let impersonated = ann().stepped_up().impersonated_by("U9");
    assert_eq!(verdict(&app, &impersonated.token()).await, "impersonated");
    let elsewhere = super::conditions::ann(&fake)
        .active("T2")
        .impersonated_by("U9");
    assert_eq!(verdict(&app, &elsewhere.token()).await, "missing_role");
}

#[tokio::test]
async fn an_enum_of_the_applications_names_roles() {
    enum Role {
        Owner,
        Custom(String),
    }

    impl From<Role> for Cow<'static, str> {
        fn from(role: Role) -> Self {
            match role {
                Role::Owner => Cow::Borrowed("owner"),
                Role::Custom(name) => Cow::Owned(name),
            }
        }
    }

    let fake = FakeDescope::start().await;
    let token = ann(&fake).active("T1").token();
    let app = guarded(&fake, Require::role(Role::Owner));
    assert_eq!(verdict(&app, &token).await, "U1@T1");
    let roles = [
        Role::Custom("nobody".to_owned()),
        Role::Custom("dev".to_owned()),
    ];
    assert_eq!(
        verdict(&guarded(&fake, Require::any_role(roles)), &token).await,
        "U1@T1"
    );
}

#[tokio::test]
async fn a_step_up_is_challenged_with_the_age_that_it_may_have() {
    let fake = FakeDescope::start().await;
    let app = guarded(&fake, Require::step_up_within(Duration::from_secs(300)));
    let plain = with_bearer(&app, &ann(&fake).token()).await;
    assert_eq!(plain.status(), StatusCode::UNAUTHORIZED);
    let expected = concat!(
        r#"Bearer error="insufficient_user_authentication", "#,
        r#"error_description="this takes a recent additional sign-in (step-up), sign in once more", "#,
        r#"max_age="300""#
    );
    assert_eq!(challenge(plain.headers()), Some(expected));
    assert_eq!(plain.headers()["x-descope-rejection"], "step_up_required");
    assert!(!plain.headers().contains_key("retry-after"));

    let unbounded = with_bearer(&guarded(&fake, Require::step_up()), &ann(&fake).token()).await;
    assert_eq!(
        challenge(unbounded.headers()),
        expected.strip_suffix(r#", max_age="300""#)
    );
}

#[tokio::test]
async fn a_step_up_grows_old_by_the_clock_of_the_handle() {
    let fake = FakeDescope::start().await;
    let app = guarded(&fake, Require::step_up_within(Duration::from_secs(300)));
    let token = ann(&fake).stepped_up().token();
    fake.clock().advance(Duration::from_secs(300));
    assert_eq!(verdict(&app, &token).await, "U1@-");
    fake.clock().advance(Duration::from_secs(1));
    assert_eq!(verdict(&app, &token).await, "step_up_required");
    assert_eq!(
        verdict(&guarded(&fake, Require::step_up()), &token).await,
        "U1@-"
    );

    // By a clock that is ahead of this one, and without a date.
    let ahead = ann(&fake).stepped_up().issued_at(30).token();
    assert_eq!(verdict(&app, &ahead).await, "U1@-");
    let undated = ann(&fake).stepped_up().without("iat").token();
    assert_eq!(verdict(&app, &undated).await, "step_up_required");
    // Only `true` says so.
    for value in [
        serde_json::json!("true"),
        serde_json::json!(1),
        serde_json::json!(null),
    ] {
        let odd = ann(&fake).claim("su", value).token();
        assert_eq!(verdict(&app, &odd).await, "step_up_required");
    }
}

#[tokio::test]
async fn refusals_have_the_status_of_their_table() {
    let fake = FakeDescope::start().await;
    let token = ann(&fake).active("T1").impersonated_by("U9").token();
    for (guard, status, expected) in [
        (Require::role("x"), 403, "missing_role"),
        (Require::permission("x"), 403, "missing_permission"),
        (Require::not_impersonated(), 403, "impersonated"),
        (Require::step_up(), 401, "step_up_required"),
    ] {
        let response = with_bearer(&guarded(&fake, guard), &token).await;
        assert_eq!(response.status(), status);
        assert_eq!(code(&response), expected);
        assert_eq!(response.headers()["x-descope-rejection"], expected);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(
            response
                .body()
                .contains(&format!(r#""error":"{expected}""#))
        );
        assert_eq!(response.headers()["vary"], "Authorization, Cookie");
    }
}

#[tokio::test]
async fn a_visitor_is_nobody_to_a_guard() {
    let fake = FakeDescope::start().await;
    let layer = tower_descope::TenantLayer::new(fake.descope()).allow_anonymous();
    let app = super::guarded_by(layer, Require::not_impersonated());
    let visitor = fake.session("U7").anonymous().token();
    assert_eq!(verdict(&app, &visitor).await, "anonymous_session");
}
