//! The two meanings side by side, as in the table of the documentation.

use http::Request;
use tower_descope::{
    ActiveTenant, Require, Session, TenantClaims, TenantId, TenantLayer, UrlTenant,
    test_util::{FakeDescope, Template, TokenBuilder},
};

use super::{answer, app, app_of, get, guarded};
use crate::support::code;

fn ann(fake: &FakeDescope) -> TokenBuilder {
    fake.session("U1")
        .tenant("T1", |t| t.role("owner"))
        .tenant("T2", |t| t.role("viewer"))
}

const NOT_ACTIVE: &str = "409 other_tenant";
const NOT_A_MEMBER: &str = "403 tenant_mismatch";
const NOT_NAMED: &str = "400 tenant_not_named";

#[tokio::test]
async fn both_meanings_are_those_of_the_table() {
    let fake = FakeDescope::start().await;
    let must = app(&fake, UrlTenant::after("/t/").must_be_active());
    let default = app(&fake, UrlTenant::after("/t/"));
    let suffices = app(&fake, UrlTenant::after("/t/").membership_suffices());
    let in_t1 = ann(&fake).active("T1").token();
    let in_none = ann(&fake).token();
    let outsider = ann(&fake).active_without_membership("T9").token();
    for (token, path, one, other) in [
        (&in_t1, "/t/T1/x", "U1@T1", "U1@T1"),
        (&in_t1, "/t/T2/x", NOT_ACTIVE, "U1@T2"),
        (&in_t1, "/t/T9/x", NOT_A_MEMBER, NOT_A_MEMBER),
        (&in_t1, "/x", NOT_NAMED, NOT_NAMED),
        (&in_none, "/t/T1/x", NOT_ACTIVE, "U1@T1"),
        (&in_none, "/t/T9/x", NOT_A_MEMBER, NOT_A_MEMBER),
        (&outsider, "/t/T1/x", NOT_ACTIVE, "U1@T1"),
        // `dct` says so, and the list does not.
        (&outsider, "/t/T9/x", NOT_A_MEMBER, NOT_A_MEMBER),
    ] {
        assert_eq!(answer(&must, get(path, token, &[])).await, one, "{path}");
        assert_eq!(answer(&default, get(path, token, &[])).await, one, "{path}");
        assert_eq!(
            answer(&suffices, get(path, token, &[])).await,
            other,
            "{path}"
        );
    }
}

#[tokio::test]
async fn of_a_token_without_tenants_nothing_but_its_current_one_passes() {
    let fake = FakeDescope::builder()
        .jwt_template(Template::CurrentTenant)
        .start()
        .await;
    let in_t1 = ann(&fake).active("T1").token();
    let in_none = fake.session("U1").token();
    for url_tenant in [
        UrlTenant::after("/t/"),
        UrlTenant::after("/t/").membership_suffices(),
    ] {
        let auto = app(&fake, url_tenant.clone());
        assert_eq!(answer(&auto, get("/t/T1/x", &in_t1, &[])).await, "U1@T1");
        // The token does not say if the user may switch there: the switch itself will.
        assert_eq!(answer(&auto, get("/t/T2/x", &in_t1, &[])).await, NOT_ACTIVE);
        assert_eq!(
            answer(&auto, get("/t/T1/x", &in_none, &[])).await,
            NOT_ACTIVE
        );
        let listed = fake
            .descope_builder()
            .tenant_claims(TenantClaims::Listed)
            .build()
            .unwrap();
        let listed = app_of(TenantLayer::new(listed), url_tenant);
        assert_eq!(
            answer(&listed, get("/t/T1/x", &in_t1, &[])).await,
            NOT_A_MEMBER
        );
        assert_eq!(
            answer(&listed, get("/t/T2/x", &in_t1, &[])).await,
            NOT_A_MEMBER
        );
    }
}

#[tokio::test]
async fn guards_inside_judge_the_roles_of_the_tenant_that_counts() {
    let fake = FakeDescope::start().await;
    let in_t1 = ann(&fake).active("T1").token();
    let suffices = || UrlTenant::after("/t/").membership_suffices();
    let owners = guarded(&fake, suffices(), Require::role("owner"));
    assert_eq!(answer(&owners, get("/t/T1/x", &in_t1, &[])).await, "U1@T1");
    assert_eq!(
        answer(&owners, get("/t/T2/x", &in_t1, &[])).await,
        "403 missing_role"
    );
    let viewers = guarded(&fake, suffices(), Require::role("viewer"));
    assert_eq!(answer(&viewers, get("/t/T2/x", &in_t1, &[])).await, "U1@T2");
    assert_eq!(
        answer(&viewers, get("/t/T1/x", &in_t1, &[])).await,
        "403 missing_role"
    );
    let active = guarded(&fake, UrlTenant::after("/t/"), Require::role("owner"));
    assert_eq!(answer(&active, get("/t/T1/x", &in_t1, &[])).await, "U1@T1");
}

#[tokio::test]
async fn where_the_request_names_none_the_active_tenant_may_count() {
    let fake = FakeDescope::start().await;
    let in_t1 = ann(&fake).active("T1").token();
    let in_none = ann(&fake).token();
    for url_tenant in [
        UrlTenant::after("/t/"),
        UrlTenant::after("/t/").membership_suffices(),
    ] {
        let app = app(&fake, url_tenant.or_active());
        assert_eq!(answer(&app, get("/x", &in_t1, &[])).await, "U1@T1");
        assert_eq!(answer(&app, get("/x", &in_none, &[])).await, "U1@-");
        assert_eq!(answer(&app, get("/t//x", &in_t1, &[])).await, NOT_NAMED);
    }
}

#[tokio::test]
async fn without_a_session_the_answer_is_the_layers_own() {
    let fake = FakeDescope::start().await;
    let optional = app_of(
        TenantLayer::new(fake.descope()).optional(),
        UrlTenant::after("/t/").membership_suffices(),
    );
    let anonymous = fake.session("U1").anonymous().token();
    let expired = ann(&fake).active("T1").expired().token();
    for (token, expected) in [
        (&*anonymous, "401 anonymous_session"),
        (&*expired, "401 expired_token"),
        ("garbage", "401 invalid_token"),
    ] {
        // Who is nobody does not learn how a tenant is named either.
        for path in ["/t/T1/x", "/x"] {
            assert_eq!(answer(&optional, get(path, token, &[])).await, expected);
        }
    }
    let alone = tower::ServiceBuilder::new()
        .layer(UrlTenant::after("/t/"))
        .service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
    let response = tower::ServiceExt::oneshot(alone, get("/t/T1", "x", &[]))
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), code(&response)),
        (500, "layer_missing")
    );
}

#[tokio::test]
async fn a_tenant_to_act_in_counts_beside_its_own_session_alone() {
    let fake = FakeDescope::start().await;
    let ann_ = ann(&fake).active("T1").verify().await.unwrap();
    let bob = fake
        .session("U2")
        .tenant("T2", |t| t.role("admin"))
        .active("T2");
    let bob = bob.verify().await.unwrap();
    let t2 = TenantId::new("T2").unwrap();
    let mut extensions = http::Extensions::new();
    extensions.insert(ann_.clone());
    let seen = |extensions: &http::Extensions| {
        let tenant = ActiveTenant::from_extensions(extensions).unwrap();
        format!("{}@{}", tenant.user_id(), tenant.id())
    };
    assert_eq!(seen(&extensions), "U1@T1");
    extensions.insert(ann_.act_in(&t2).unwrap());
    assert_eq!(seen(&extensions), "U1@T2");
    let acting = ActiveTenant::from_extensions(&extensions).unwrap();
    assert_eq!(acting.roles().collect::<Vec<_>>(), ["viewer"]);
    assert!(acting.require_role("owner").is_err());
    assert_eq!(
        acting.session().roles().collect::<Vec<_>>(),
        ["owner"],
        "that of `dct`"
    );
    // Another user's is nobody's here.
    extensions.insert(bob.act_in(&t2).unwrap());
    assert_eq!(seen(&extensions), "U1@T1");
    extensions.remove::<Session>();
    assert!(ActiveTenant::from_extensions(&extensions).is_err());
}

#[tokio::test]
async fn a_layer_further_in_forgets_the_tenant_of_the_url() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    let service = tower::ServiceBuilder::new()
        .layer(TenantLayer::new(descope.clone()))
        .layer(UrlTenant::after("/t/").membership_suffices())
        .layer(TenantLayer::new(descope))
        .service_fn(|request: Request<()>| async move {
            Ok::<_, std::convert::Infallible>(http::Response::new(crate::support::seen(&request)))
        });
    let app = crate::support::App::new(service);
    let in_t1 = ann(&fake).active("T1").token();
    assert_eq!(answer(&app, get("/t/T2/x", &in_t1, &[])).await, "U1@T1");
}

#[tokio::test]
async fn a_membership_answers_for_its_own_tenant() {
    let fake = FakeDescope::start().await;
    let session = fake
        .session("U1")
        .tenant("T1", |t| t.role("owner"))
        .tenant("T2", |t| t.role("viewer").permission("read"))
        .active("T1");
    let session = session.verify().await.unwrap();
    let t2 = session.tenant("T2").unwrap();
    assert!(t2.require_role("viewer").is_ok());
    assert_eq!(t2.require_role("owner").unwrap_err().code(), "missing_role");
    assert!(t2.require_all_roles(["viewer", "owner"]).is_err());
    assert!(t2.require_any_role(["viewer", "owner"]).is_ok());
    assert!(t2.require_permission("read").is_ok());
    assert_eq!(
        t2.require_permission("write").unwrap_err().code(),
        "missing_permission"
    );
    assert!(t2.require_all_permissions(["read", "write"]).is_err());
    assert!(t2.require_any_permission(["read", "write"]).is_ok());
    for id in ["T9", "t2", "T2 "] {
        let id = TenantId::new(id).unwrap();
        assert_eq!(session.act_in(&id).unwrap_err().code(), "tenant_mismatch");
    }
    let visitor = fake
        .session("U1")
        .anonymous()
        .tenant("T1", |t| t)
        .active("T1")
        .token();
    let visitor = fake
        .descope()
        .verify_visitor(&tower_descope::SessionToken::new(visitor))
        .await;
    let visitor = visitor.unwrap();
    let refused = visitor
        .session()
        .act_in(&TenantId::new("T1").unwrap())
        .unwrap_err();
    assert_eq!(refused.code(), "anonymous_session");
}
