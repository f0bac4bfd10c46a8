//! Refreshes, selections and sign-outs of one session, at replicas and in orders of chance.

use std::time::Duration;

use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};
use tower_descope::TenantId;

use super::Replicas;
use crate::support::{
    App,
    browser::Browser,
    call,
    world::{EXPIRY, fake},
};

/// A step of the session, at the replica of this number.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A page whose answer arrives.
    Visit(usize),
    /// A page whose answer is lost.
    Lost(usize),
    Select(usize, &'static str),
    /// All of it at once: two pages and a selection.
    AtOnce,
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let replica = 0..3_usize;
    prop_oneof![
        4 => replica.clone().prop_map(Step::Visit),
        2 => replica.clone().prop_map(Step::Lost),
        2 => (replica, select(vec!["T1", "T2"])).prop_map(|(n, tenant)| Step::Select(n, tenant)),
        1 => Just(Step::AtOnce),
        3 => select(vec![1, 61, 660, 3_600]).prop_map(Step::Pause),
    ]
}

async fn select_tenant(
    replicas: &Replicas,
    number: usize,
    browser: &mut Browser,
    tenant: &str,
) -> Result<(), tower_descope::Error> {
    let token = browser.refresh_token();
    let tenant = TenantId::new(tenant).unwrap();
    let selected = replicas.handles[number]
        .select_tenant(&token, &tenant)
        .await?;
    let active = selected.session().active_tenant().unwrap();
    assert_eq!(*active.id(), tenant);
    let session = selected.session_token().expose().to_owned();
    browser.jar.insert("DS".into(), session);
    if let Some(refresh) = selected.refresh_token() {
        browser
            .jar
            .insert("DSR".into(), refresh.expose().to_owned());
    }
    Ok(())
}

async fn at_once(replicas: &Replicas, apps: &[App], browser: &mut Browser) {
    let page = |number: usize| {
        let (app, request) = (apps[number].clone(), browser.get());
        async move { call(&app, request).await }
    };
    let mut chosen = browser.clone();
    let (one, other, selected) = tokio::join!(
        page(0),
        page(1),
        select_tenant(replicas, 2, &mut chosen, "T2")
    );
    selected.unwrap();
    assert!(one.status().is_success() && other.status().is_success());
    // The page's answers come first, and the selection's last.
    browser.keep(one.headers());
    browser.keep(other.headers());
    browser.jar = chosen.jar;
}

#[tokio::test]
async fn in_every_order_a_session_goes_on_and_no_token_is_spent_twice() {
    let mut runner = TestRunner::default();
    for _ in 0..60 {
        let steps = vec(step(), 1..12).new_tree(&mut runner).unwrap().current();
        let replicas = Replicas::start(3, fake()).await;
        let apps = replicas.apps();
        let mut browser = Browser::ann(&replicas.fake);
        for step in &steps {
            match *step {
                Step::Visit(number) => {
                    let response = browser.visit(&apps[number]).await;
                    assert!(response.status().is_success(), "{steps:?}");
                }
                Step::Lost(number) => {
                    let response = call(&apps[number], browser.get()).await;
                    assert!(response.status().is_success(), "{steps:?}");
                }
                Step::Select(number, tenant) => {
                    let selected = select_tenant(&replicas, number, &mut browser, tenant).await;
                    assert!(selected.is_ok(), "{steps:?} {selected:?}");
                }
                Step::AtOnce => at_once(&replicas, &apps, &mut browser).await,
                // More than ten calls of one session at once are held back, here as with one replica.
                Step::Pause(seconds) => replicas.fake.clock().advance(Duration::from_secs(seconds)),
            }
            replicas.fake.clock().advance(Duration::from_secs(1));
        }
        for _ in 0..2 {
            replicas.fake.clock().advance(EXPIRY);
            for app in &apps {
                assert!(browser.visit(app).await.status().is_success(), "{steps:?}");
            }
        }
        replicas.spent();
    }
}

#[tokio::test]
async fn a_sign_out_anywhere_ends_what_runs_elsewhere_in_every_order() {
    let mut runner = TestRunner::default();
    for round in 0..60 {
        let order = vec(0..3_usize, 3).new_tree(&mut runner).unwrap().current();
        let replicas = Replicas::start(3, fake()).await;
        let apps = replicas.apps();
        let browser = Browser::ann(&replicas.fake);
        replicas.fake.clock().advance(EXPIRY);
        let token = browser.refresh_token();
        let tenant = TenantId::new("T2").unwrap();
        let yields = |count: usize| async move {
            for _ in 0..count {
                tokio::task::yield_now().await;
            }
        };
        let refresh = async {
            yields(round % 7).await;
            call(&apps[order[0]], browser.get()).await
        };
        let select = async {
            yields(round % 5).await;
            replicas.handles[order[1]]
                .select_tenant(&token, &tenant)
                .await
        };
        let logout = async {
            yields(round % 11).await;
            replicas.handles[order[2]].logout(&token).await
        };
        let (_, _, out) = tokio::join!(refresh, select, logout);
        out.unwrap();
        replicas.settle().await;
        replicas.fake.clock().advance(EXPIRY);
        for app in &apps {
            let response = browser.clone().visit(app).await;
            assert_eq!(response.status(), 401, "{round} {order:?}");
        }
        replicas.spent();
    }
}
