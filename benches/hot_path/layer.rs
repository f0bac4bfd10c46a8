//! The layer over the bare service: what a request pays when it passes, and when it is refused.

use std::io;

use http::{Method, Request, Version};
use metrics_util::debugging::DebuggingRecorder;
use tower::{Layer, service_fn};
use tower_descope::{AccessKey, AccessKeys, Descope, SessionToken, TenantId, TenantLayer};
use tracing::{Dispatch, dispatcher, field::Empty, info_span};

use crate::{
    bed::{ACCESS_KEY, Bed, call, get, handler, now, tenant_id},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let layer = TenantLayer::new(bed.descope.clone());
    let caching = TenantLayer::new(bed.caching.clone());
    let compact = bed.fake.descope_builder().compact_session_cache(true);
    let compact = TenantLayer::new(bed.warm(compact));
    let row = |name: &str, layer: &TenantLayer, request: Request<()>| {
        let mut service = layer.layer(service_fn(handler));
        Row::with_input(
            name,
            move || request.clone(),
            move |it| call(&mut service, it),
        )
    };
    let bearer = |token: String| get(&[("authorization", &format!("Bearer {token}"))]);
    let token = bed.session().token();
    let good = bearer(token.clone());
    let cookie = format!("DS={token}");
    let in_cookie = get(&[("cookie", &cookie)]);
    let guarded = caching.clone().cookies_same_origin_only();
    let with_origin = post(&[("cookie", &cookie), ("origin", "https://app.example.com")]);
    let with_fetch_site = post(&[("cookie", &cookie), ("sec-fetch-site", "same-origin")]);
    let machines = TenantLayer::new(with_access_keys(bed));
    let machine = bearer(ACCESS_KEY.to_owned());
    let mut bare = service_fn(handler);
    let bare_request = good.clone();
    let descope = bed.descope.clone();
    let signature = bed.signature_check(&token);
    let token = SessionToken::new(token);
    let rows = vec![
        Row::with_input(
            "bare_service",
            move || bare_request.clone(),
            move |request| call(&mut bare, request),
        ),
        Row::new("signature_alone", signature),
        Row::new("verdict_alone", move || now(descope.verify(&token))),
        row("admitted_by_header", &layer, good.clone()).over("verdict_alone"),
        row("admitted_by_cookie", &layer, in_cookie.clone()).over("verdict_alone"),
        row("admitted_cold", &layer, good.clone()).over("signature_alone"),
        row("admitted_warm", &caching, good.clone()).over("bare_service"),
        row("admitted_from_compact_cache", &compact, good.clone()).over("admitted_warm"),
        row("admitted_warm_by_cookie", &caching, in_cookie).over("bare_service"),
        row("admitted_by_access_key", &machines, machine).over("admitted_warm"),
        row("admitted_beside_access_keys", &machines, good.clone()).over("admitted_warm"),
        observed(&caching, good).over("admitted_warm"),
        row("post_without_guard", &caching, with_origin.clone()).over("bare_service"),
        row("post_with_origin", &guarded, with_origin).over("post_without_guard"),
        row("post_with_fetch_site", &guarded, with_fetch_site).over("post_without_guard"),
        row("passed_without_token", &layer.clone().optional(), get(&[])).over("bare_service"),
        row("refused_without_token", &layer, get(&[])).over("bare_service"),
        row("refused_garbage", &layer, bearer("garbage".to_owned())).over("bare_service"),
        row(
            "refused_expired",
            &layer,
            bearer(bed.session().expired().token()),
        )
        .over("verdict_alone"),
        row("refused_grpc_call", &layer, grpc_call()).over("bare_service"),
    ];
    bench.group("layer", rows);
}

/// With somebody who listens: a subscriber, a span with the fields that the layer fills, and a
/// recorder. All other rows have none.
fn observed(layer: &TenantLayer, request: Request<()>) -> Row {
    const NAME: &str = "admitted_and_observed";
    let mut service = layer.layer(service_fn(handler));
    let mut row = Row::with_input(
        NAME,
        move || request.clone(),
        move |request| {
            info_span!("request", user.id = Empty, tenant.id = Empty)
                .in_scope(|| call(&mut service, request))
        },
    );
    let subscriber = tracing_subscriber::fmt().with_writer(io::sink).finish();
    let subscriber = Dispatch::new(subscriber);
    let recorder = DebuggingRecorder::new();
    Row::timed(NAME, move |times| {
        metrics::with_local_recorder(&recorder, || {
            dispatcher::with_default(&subscriber, || row.measure(times))
        })
    })
}

/// A handle that has exchanged the access key and holds the session.
fn with_access_keys(bed: &Bed) -> Descope {
    let tenant = TenantId::new(tenant_id(2)).expect("a good id");
    let keys = AccessKeys::new().key_prefix("K2").selected_tenant(tenant);
    let descope = bed.warm(bed.fake.descope_builder().access_keys(keys));
    let key = AccessKey::new(ACCESS_KEY);
    bed.wait(descope.verify_access_key(&key))
        .expect("a good key");
    descope
}

fn post(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = get(fields);
    *request.method_mut() = Method::POST;
    request
}

fn grpc_call() -> Request<()> {
    let mut request = post(&[("content-type", "application/grpc")]);
    *request.version_mut() = Version::HTTP_2;
    request
}
