//! How often the hot path allocates. A count is exact, so it may be asserted, where a time may not.
//!
//! A binary of its own: the counting allocator counts what every thread of the process does. With
//! aws-lc-rs, which allocates nothing for a check; the other backend does as it likes.

#![cfg(feature = "aws-lc-rs")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use std::{
    alloc::System,
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, Response};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, service_fn};
use tower_descope::{
    Descope, Mark, Renewal, Revocation, SessionToken, TenantLayer, UserId,
    test_util::{FakeDescope, TokenBuilder},
};

#[path = "../benches/hot_path/upstream.rs"]
mod upstream;

use self::upstream::Renewals;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What work allocates, each growth of something counted as one more. The least of several runs:
/// what else the process does (a timer, a connection) can only add.
fn allocations<T>(mut work: impl FnMut() -> T) -> usize {
    let once = |work: &mut dyn FnMut() -> T| {
        let region = Region::new(ALLOCATOR);
        let kept = black_box(work());
        let change = region.change();
        drop(kept);
        change.allocations + change.reallocations
    };
    (0..50).map(|_| once(&mut work)).min().unwrap()
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("left the hot path"),
    }
}

fn tenants(fake: &FakeDescope, number: usize) -> TokenBuilder {
    let mut session = fake.session("U2Zq8mXkQv1cD4eF5gH6iJ7kL8mN");
    for n in 0..number {
        session = session.tenant(format!("T2Zq8mXkQv1cD4eF5gH6iJ7kL{n:03}"), |tenant| {
            tenant.role("member").permission("projects.read")
        });
    }
    session.active("T2Zq8mXkQv1cD4eF5gH6iJ7kL000")
}

/// Tokens with headers as long as they may be, that somebody wrote to be read slowly.
fn hostile_headers(good: &SessionToken) -> [(&'static str, SessionToken); 5] {
    let (header, rest) = good.expose().split_once('.').unwrap();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let with = |number: usize, member: &dyn Fn(usize) -> String| {
        let members: Vec<_> = (0..number).map(|n| member(n * 3 % number)).collect();
        let json = format!(
            "{},{}}}",
            header.strip_suffix('}').unwrap(),
            members.join(",")
        );
        assert!((1_800..=2_304).contains(&json.len()), "{}", json.len());
        let segment = URL_SAFE_NO_PAD.encode(json);
        SessionToken::new(format!("{segment}.{rest}"))
    };
    let escaped = "\\u006d".repeat(11);
    let nested = format!("{}{}", "[".repeat(34), "]".repeat(34));
    [
        (
            "many escaped names",
            with(150, &|n| format!(r#""\u006d{n:03}":0"#)),
        ),
        (
            "many shuffled names",
            with(240, &|n| format!(r#""m{n}":0"#)),
        ),
        (
            "few escaped names",
            with(28, &|n| format!(r#""{escaped}{n}":0"#)),
        ),
        (
            "escaped values",
            with(28, &|n| format!(r#""m{n}":"{escaped}""#)),
        ),
        (
            "nested arrays",
            with(28, &|n| format!(r#""m{n}":{nested}"#)),
        ),
    ]
}

/// A service that answers, with a header or without one.
fn handler(
    header: bool,
) -> impl Fn(Request<()>) -> Ready<Result<Response<()>, Infallible>> + Clone {
    move |_| {
        let mut response = Response::new(());
        if header {
            let value = HeaderValue::from_static("text/plain");
            response.headers_mut().insert("content-type", value);
        }
        ready(Ok(response))
    }
}

fn through<S>(service: &mut S, token: &str) -> usize
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    through_with(service, "authorization", &format!("Bearer {token}"))
}

fn through_with<S>(service: &mut S, name: &str, value: &str) -> usize
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let request = || Request::get("/").header(name, value).body(()).unwrap();
    let made = allocations(request);
    allocations(|| {
        let Ok(response) = now(service.call(request()));
        response
    }) - made
}

/// One after the other: each counts what the whole process does.
#[tokio::test]
async fn memory_is_taken_as_seldom_and_as_little_as_promised() {
    the_hot_path_allocates_what_it_must_and_no_more().await;
    the_cache_takes_no_more_memory_than_its_bound().await;
    a_renewal_allocates_as_often_as_promised().await;
    whether_a_session_was_revoked_is_asked_without_an_allocation().await;
    a_watch_takes_no_task_and_leaves_nothing_behind().await;
}

async fn the_hot_path_allocates_what_it_must_and_no_more() {
    let fake = FakeDescope::start().await;
    let handle = |sessions| {
        let builder = fake.descope_builder().max_token_len(65_536);
        builder.session_cache(sessions).build().unwrap()
    };
    let (cold, warm): (Descope, Descope) = (handle(0), handle(100));
    let [usual, large] = [3, 200].map(|number| SessionToken::new(tenants(&fake, number).token()));
    for descope in [&cold, &warm] {
        descope.warm_up().await.unwrap();
        descope.verify(&usual).await.unwrap();
        descope.verify(&large).await.unwrap();
    }

    // Payload, strings, tenants, user, current tenant, session; and what grows on the way.
    let verify = |token: &SessionToken| allocations(|| now(cold.verify(token)));
    let few = verify(&usual);
    assert!(few <= 10, "cold, 3 tenants: {few}");
    let many = verify(&large);
    assert!(many <= 20, "cold, 200 tenants: {many}");
    let garbage = SessionToken::new("garbage");
    for (kind, token) in hostile_headers(&usual) {
        let is_read_to_its_end = !kind.starts_with("many");
        let rejection = now(cold.verify(&token)).unwrap_err();
        let reason = if is_read_to_its_end {
            "wrong_signature"
        } else {
            "too_many_header_members"
        };
        assert_eq!(rejection.reason(), reason, "a header of {kind}");
        let count = verify(&token);
        assert!(count <= 10, "a header of {kind}: {count}");
        println!("a header of {kind}: {count}");
    }
    assert_eq!(allocations(|| now(warm.verify(&usual))), 0, "warm verdict");
    assert_eq!(allocations(|| now(warm.verify(&garbage))), 0, "garbage");

    // The session in the request's extensions is three: their map, its table, the session's box.
    for header in [true, false] {
        let bare = through(&mut service_fn(handler(header)), usual.expose());
        let mut layered = TenantLayer::new(warm.clone()).layer(service_fn(handler(header)));
        let more = through(&mut layered, usual.expose()) - bare;
        // `Vary` on an answer without headers makes the map that holds it: two.
        let most = if header { 3 } else { 5 };
        assert!(
            more <= most,
            "warm, through the layer: {more} more, {most} allowed"
        );
        println!("through the layer, answer with headers: {header}: {more} more");
    }
    // Of a cookie of another key nothing but the header is read.
    let jwk = fake.jwks()["keys"][0].to_string();
    let fixed = fake.descope_builder().public_key(jwk).build().unwrap();
    let (_, rest) = usual.expose().split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"unknown","typ":"JWT"}"#);
    let mut layered = TenantLayer::new(fixed).layer(service_fn(handler(true)));
    let [others, none] = [format!("DS={header}.{rest}"), "theme=dark".to_owned()]
        .map(|cookies| through_with(&mut layered, "cookie", &cookies));
    assert!(
        others <= none + 1,
        "a cookie of another key: {others} for {none}"
    );
    println!("cold, 3 tenants: {few}; cold, 200 tenants: {many}; another key's cookie: {others}");
}

/// The bound in bytes is one of memory, and not of what somebody reckons.
async fn the_cache_takes_no_more_memory_than_its_bound() {
    // Tokens of 1.25 KB and of 33 KB.
    for (algorithm, padding, bound) in [("RS256", 125, 2 << 20), ("ES256", 24_000, 4 << 20)] {
        let fake = FakeDescope::builder().algorithm(algorithm).start().await;
        let builder = fake.descope_builder().max_token_len(65_536);
        let descope = builder.session_cache_bytes(bound).build().unwrap();
        let token = |n: usize| {
            let session = tenants(&fake, 3).claim("x", format!("{n:0>padding$}"));
            SessionToken::new(session.token())
        };
        // Made before anything is counted: the fake remembers whom it signed in.
        let tokens: Vec<SessionToken> = (0..1_500).map(token).collect();
        descope.warm_up().await.unwrap();
        let books = descope.session_cache_status().bytes();
        let region = Region::new(ALLOCATOR);
        for token in &tokens {
            now(descope.verify(token)).unwrap();
        }
        let change = region.change();
        let live = change.bytes_allocated - change.bytes_deallocated;
        let status = descope.session_cache_status();
        assert!(live + books <= bound, "{live} and {books} of {bound}");
        assert!(status.bytes() <= bound && status.entries() > 10);
        // Nothing of note is forgotten, and nothing is reckoned twice.
        assert!(
            live * 2 > status.bytes(),
            "{live} against {}",
            status.bytes()
        );
        let (length, each) = (tokens[0].expose().len(), (live + books) / status.entries());
        println!(
            "{} sessions: {each} bytes each, tokens of {length}",
            status.entries()
        );
        // Of a usual token, twice what it takes itself. (The cache reckons some more: allocators
        // round up, which is not counted here.)
        assert!(length > 2_000 || each <= 2_560, "{each} bytes for {length}");
    }
}

/// A whole renewal, from a request with an expired session to the response with both cookies, the call
/// to Descope included as reqwest and hyper make it; and beside it a proxy that does no more than call.
async fn a_renewal_allocates_as_often_as_promised() {
    let users = 40;
    let id = |n| format!("U2Zq8mXkQv1cD4eF5gH6iJ{n:05}");
    let fake = (0..users).fold(FakeDescope::builder(), |fake, n| {
        fake.user(&format!("{n}@example.com"), |user| user.id(id(n)))
    });
    let renewals = {
        let fake = fake.start().await;
        Renewals::prepare(&fake, (0..users).map(id), 1).await
    };
    let (descope, _) = renewals.handle().await;
    let mut service = TenantLayer::new(descope)
        .renew(Renewal::new())
        .layer(service_fn(handler(true)));
    let bare_proxy = renewals.bare_proxy();
    let [mut renewal, mut proxy] = [usize::MAX; 2];
    for (for_layer, for_proxy) in renewals.requests(0).into_iter().zip(renewals.requests(0)) {
        let region = Region::new(ALLOCATOR);
        let Ok(response) = service.call(for_layer).await;
        let change = region.change();
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        renewal = renewal.min(change.allocations + change.reallocations);
        let region = Region::new(ALLOCATOR);
        let Ok(response) = bare_proxy.call(for_proxy).await;
        let change = region.change();
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        proxy = proxy.min(change.allocations + change.reallocations);
    }
    println!("one renewal: {renewal}, of which a bare proxy makes {proxy}");
    assert!(renewal <= 150, "one renewal: {renewal}");
}

async fn whether_a_session_was_revoked_is_asked_without_an_allocation() {
    let fake = FakeDescope::start().await;
    let revocation = Revocation::strict(Duration::from_secs(1));
    let descope = fake.descope_builder().revocation(revocation).build();
    let descope = descope.unwrap();
    let token = SessionToken::new(fake.session("U2ann").token());
    descope.verify(&token).await.unwrap();
    assert_eq!(allocations(|| now(descope.verify(&token))), 0, "no marks");
    for n in 0..10_000 {
        let user = UserId::new(format!("U{n}")).unwrap();
        descope.revoke(Mark::user(&user)).await.unwrap();
    }
    assert_eq!(
        allocations(|| now(descope.verify(&token))),
        0,
        "10,000 marks"
    );
    let status = descope.revocation_status().unwrap();
    assert!(status.fresh && status.marks == 10_000);
}

/// Ten thousand connections of as many browsers, each of which waits for the end of its session.
async fn a_watch_takes_no_task_and_leaves_nothing_behind() {
    const WATCHES: usize = 10_000;
    let fake = FakeDescope::start().await;
    fake.add_key_for("ES256");
    let descope = fake.descope_builder().kept_sessions(100).build().unwrap();
    let opened = |n: usize| {
        let user = format!("U2Zq8mXkQv1cD4eF5gH6iJ{n:05}");
        let refresh = fake.refresh(&user).key_algorithm("ES256").token();
        let session = fake.session(&user).key_algorithm("ES256").token();
        let request = Request::get("/").header("cookie", format!("DS={session}; DSR={refresh}"));
        (SessionToken::new(session), request.body(()).unwrap())
    };
    let mut parts = Vec::new();
    for n in 0..WATCHES {
        let (token, request) = opened(n);
        let (mut head, ()) = request.into_parts();
        head.extensions
            .insert(descope.verify(&token).await.unwrap());
        parts.push(head);
    }
    // What the handle keeps of the last ones is not the watches'.
    drop(
        parts
            .iter()
            .map(|parts| descope.watch(parts))
            .collect::<Vec<_>>(),
    );
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let region = Region::new(ALLOCATOR);
    let live = |region: &Region<'_, System>| {
        let change = region.change();
        i64::try_from(change.bytes_allocated).unwrap()
            - i64::try_from(change.bytes_deallocated).unwrap()
            + i64::try_from(change.bytes_reallocated).unwrap()
    };
    let mut waits: Vec<_> = parts
        .iter()
        .map(|parts| {
            let mut watch = descope.watch(parts);
            Box::pin(async move { watch.ended().await })
        })
        .collect();
    for wait in &mut waits {
        let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    let alive = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(alive, tasks, "no task each");
    let each = live(&region) / i64::try_from(WATCHES).unwrap();
    println!("a watch takes {each} bytes");
    // The timer, the news of its browser, and what tells of marks.
    assert!(each <= 1_000, "{each} bytes");
    drop(waits);
    let left = live(&region);
    println!("{WATCHES} watches that were dropped leave {left} bytes");
    // The news of browsers are forgotten when the table is next tidied.
    fake.clock().advance(Duration::from_secs(60));
    descope.watch(&parts[0]).session().unwrap();
    let left = live(&region);
    assert!(left < 200_000, "{left} bytes are left");
}
