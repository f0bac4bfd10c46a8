//! A browser that lacks an answer: it was lost, or one that was made before landed after it.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use proptest::{
    collection::vec, prelude::*, sample::select as select_from, test_runner::TestRunner,
};
use tower::ServiceExt;
use tower_descope::{
    Descope, RefreshToken, SelectTenant, TenantId,
    test_util::{Canned, FakeDescope},
};

use crate::{
    support::{App, call},
    support::{
        browser::{Browser, set_cookies, untouched},
        world::{ALMOST, EXPIRY, REFRESH, early, fake, late},
    },
};

const SELECT: &str = "/v1/auth/tenant/select";

/// Goes to another tenant with a browser's token; the answer is the caller's to deliver, or lose.
async fn select(descope: &Descope, browser: &Browser, tenant: &str) -> Browser {
    let refresh = browser.refresh_token();
    let tenant = TenantId::new(tenant).unwrap();
    let answer = descope.select_tenant(&refresh, &tenant).await.unwrap();
    Browser::with(
        answer.session_token().expose(),
        answer.refresh_token().map_or("", RefreshToken::expose),
    )
}

#[tokio::test]
async fn a_switch_whose_answer_was_lost_comes_with_the_next_page() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = early(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let lost = select(&descope, &browser, "T2").await;
    fake.clock().advance(Duration::from_secs(1));
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T1", "as whom it came");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(browser, lost, "what was lost");
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T2");
    assert!(untouched(&response), "nothing is missing any more");
    assert_eq!((fake.calls(SELECT), fake.calls(REFRESH)), (1, 0));
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T2");
}

#[tokio::test]
async fn a_refresh_token_that_came_alone_is_spent_by_a_page_though_the_session_is_good() {
    // By an early renewal, and long before it would be time for one.
    for (path, passed) in [(REFRESH, ALMOST), (SELECT, Duration::from_secs(100))] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let app = early(&descope);
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        assert!(untouched(&browser.visit(&app).await));
        let before = browser.clone();
        fake.clock().advance(passed);
        let alone = fake.refresh("U1").active("T1").token();
        let half = Canned::new(200)
            .header("set-cookie", &format!("DSR={alone}"))
            .body("<html>");
        fake.respond_next(path, half);
        if path == SELECT {
            let refresh = browser.refresh_token();
            let tenant = TenantId::new("T2").unwrap();
            assert!(descope.select_tenant(&refresh, &tenant).await.is_err());
        } else {
            assert!(untouched(&browser.visit(&app).await));
        }
        // While it is not known what became of the call, nothing goes up.
        fake.clear_requests();
        assert!(untouched(&browser.visit(&app).await));
        assert_eq!((fake.calls(REFRESH), &browser), (0, &before), "{path}");
        fake.clock().advance(Duration::from_secs(2));
        assert_eq!(browser.visit(&app).await.body(), "U1@T1", "{path}");
        assert_ne!(browser, before, "{path}");
        let request = fake.requests().into_iter().rfind(|it| it.path == REFRESH);
        let request = request.unwrap();
        let credential = request.header("authorization").unwrap();
        assert!(credential.ends_with(&alone), "{path}");
        // Longer than anything is kept; the session goes on.
        for _ in 0..3 {
            fake.clock().advance(EXPIRY);
            assert_eq!(browser.visit(&app).await.body(), "U1@T1", "{path}");
        }
    }
}

#[tokio::test]
async fn a_renewal_that_lands_after_a_later_switch_is_made_good_by_the_next_page() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = early(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(ALMOST);
    let renewed = call(&app, browser.get()).await;
    let mut other_tab = browser.clone();
    other_tab.keep(renewed.headers());
    // In the same second, so that both sessions end at once.
    let switched = select(&descope, &other_tab, "T2").await;
    browser.keep(renewed.headers());
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert_eq!(browser, switched);
    for _ in 0..3 {
        assert_eq!(browser.visit(&app).await.body(), "U1@T2");
        fake.clock().advance(EXPIRY);
    }
}

#[tokio::test]
async fn a_browser_that_lost_an_answer_is_told_as_long_as_nobody_has_shown_it() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let bob = Browser::signed_in(&fake, "bob@example.test");
    select(&descope, &browser, "T2").await;
    assert!(untouched(&call(&app, bob.get()).await), "another user");
    // Also long after the keep time, and without a call.
    fake.clock().advance(Duration::from_secs(300));
    assert!(!untouched(&call(&app, browser.get()).await));
    assert!(!untouched(&browser.visit(&app).await));
    assert!(untouched(&browser.visit(&app).await), "it has it now");
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn who_signed_out_is_not_signed_in_again_by_a_page_that_is_behind() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let browser = Browser::signed_in(&fake, "ann@example.test");
    let switched = select(&descope, &browser, "T2").await;
    let refresh = switched.refresh_token();
    descope.logout(&refresh).await.unwrap();
    assert!(untouched(&call(&app, browser.get()).await));
}

#[tokio::test]
async fn a_bearer_and_another_sites_page_are_given_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let browser = Browser::signed_in(&fake, "ann@example.test");
    select(&descope, &browser, "T2").await;
    let request = |field| browser.request(http::Method::GET, &[field]);
    let bearer = format!("Bearer {}", browser.jar["DS"]);
    for field in [
        ("authorization", &*bearer),
        ("sec-fetch-site", "cross-site"),
    ] {
        let response = call(&app, request(field)).await;
        assert_eq!(response.body(), "U1@T1");
        assert!(untouched(&response), "{field:?}");
    }
    let response = call(&app, browser.get()).await;
    assert_eq!(set_cookies(response.headers()).len(), 2);
}

#[tokio::test]
async fn a_refresh_token_that_expired_since_it_was_replaced_gets_its_successor() {
    let fake = FakeDescope::builder()
        .tenant("T1", "One")
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .refresh_ttl(Duration::from_secs(1_000))
        .start()
        .await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(Duration::from_secs(990));
    let lost = call(&app, browser.get()).await;
    assert_eq!(lost.body(), "U1@T1");
    fake.clock().advance(Duration::from_secs(20));
    let refresh = browser.refresh_token();
    descope.refresh(&refresh).await.expect("the kept answer");
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert_eq!(set_cookies(lost.headers()).len(), 2);
    assert_eq!(fake.calls(REFRESH), 1);
    // What nobody replaced is over, by this clock: no call, and no word on the cookies.
    fake.clock().advance(Duration::from_secs(1_100));
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), 401);
    assert!(untouched(&response));
    assert_eq!(fake.calls(REFRESH), 1);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A page; its cookies get lost, or land after the next answer's.
    Page(Fate),
    /// A switch of tenants, likewise.
    Switch(&'static str, Fate),
    /// Time passes after a page that arrived.
    Wait(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Arrives,
    Lost,
    Late,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = || select_from(vec![Fate::Arrives, Fate::Lost, Fate::Late]);
    let step = prop_oneof![
        fate().prop_map(Step::Page),
        (select_from(vec!["T1", "T2"]), fate())
            .prop_map(|(tenant, fate)| Step::Switch(tenant, fate)),
        select_from(vec![1, 30, 59, 61, 300, 545, 580, 601, 700]).prop_map(Step::Wait),
    ];
    vec(step, 1..40)
}

/// A browser, and the answers that have not landed yet.
struct Journey {
    fake: FakeDescope,
    descope: Descope,
    app: App,
    browser: Browser,
    late: Option<HeaderMap>,
}

impl Journey {
    async fn new() -> Self {
        let fake = fake().start().await;
        let descope = fake.descope();
        Self {
            app: early(&descope),
            browser: Browser::signed_in(&fake, "ann@example.test"),
            late: None,
            descope,
            fake,
        }
    }

    fn land(&mut self, headers: HeaderMap, fate: Fate) {
        let earlier = self.late.take();
        match fate {
            Fate::Arrives => self.browser.keep(&headers),
            Fate::Lost => {}
            Fate::Late => self.late = Some(headers),
        }
        if let Some(earlier) = earlier {
            self.browser.keep(&earlier);
        }
    }

    async fn page(&mut self, fate: Fate) -> String {
        let response = call(&self.app, self.browser.get()).await;
        let seen = format!("{} {}", response.status(), response.body());
        self.land(response.headers().clone(), fate);
        seen
    }

    async fn switch(&mut self, tenant: &str, fate: Fate) -> StatusCode {
        let service = SelectTenant::new(self.descope.clone());
        let response = service.oneshot(self.browser.switch(tenant)).await.unwrap();
        self.land(response.headers().clone(), fate);
        response.status()
    }
}

#[test]
fn whatever_gets_lost_or_lands_late_pages_within_the_keep_time_make_it_good() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let run = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let mut journey = Journey::new().await;
            let mut tenant = "T1";
            for step in steps {
                match step {
                    Step::Page(fate) => {
                        let seen = journey.page(fate).await;
                        prop_assert!(seen.starts_with("200 OK U1@"), "{seen}");
                    }
                    Step::Switch(to, fate) => {
                        prop_assert_eq!(journey.switch(to, fate).await, StatusCode::OK);
                        tenant = to;
                        // Of more than ten at once, one a second is sent.
                        journey.fake.clock().advance(Duration::from_secs(1));
                    }
                    Step::Wait(seconds) => {
                        // What is late lands with the first; what it undoes the second mends.
                        for _ in 0..2 {
                            journey.page(Fate::Arrives).await;
                        }
                        let seen = journey.page(Fate::Arrives).await;
                        prop_assert_eq!(seen, format!("200 OK U1@{tenant}"));
                        journey.fake.clock().advance(Duration::from_secs(seconds));
                    }
                }
            }
            Ok(())
        })
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
}
