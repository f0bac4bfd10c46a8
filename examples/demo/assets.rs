//! The files that pages load, and the headers that go with every answer.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
    routing::get,
};

use crate::flow;

pub(crate) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |ty: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, ty)], text) })
    };
    Router::new()
        .route(
            "/assets/style.css",
            file("text/css; charset=utf-8", include_str!("style.css")),
        )
        .route(
            "/assets/app.js",
            file("text/javascript; charset=utf-8", include_str!("app.js")),
        )
        .route(
            "/assets/flow.js",
            file("text/javascript; charset=utf-8", include_str!("flow.js")),
        )
        .route("/npm/{*path}", get(flow::file))
        .route(
            "/assets/icon.svg",
            file("image/svg+xml", include_str!("icon.svg")),
        )
}

/// Nothing but our own files, no frames, and no page of one tenant in the cache for another. What is
/// set already stays: the way back from an identity provider has stricter rules, since its address
/// holds a code.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| {
        let header = headers.entry(name);
        header.or_insert(HeaderValue::from_static(value));
    };
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(
        header::CACHE_CONTROL,
        if asset { "no-cache" } else { "no-store" },
    );
    response
}
