//! A service that renews sessions, and requests to it whose signature checks are counted.

pub(super) use self::tests::{
    ALMOST, App, EXPIRY, app, checks, code, cookies_after, counted, fake, get, warm,
};

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::Future, time::Duration};

    use http::{HeaderMap, Request, Response, StatusCode, header};
    use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};

    use crate::{
        Descope, Rejection, Renewal, Session, TenantLayer, jwt::key::count::signature_checks,
        test_util::FakeDescope,
    };

    /// How long a session lives: several of them no longer than the keys, so that none is fetched again.
    const LIFE: Duration = Duration::from_secs(120);

    /// Longer than a session lives, leeway included.
    pub(in crate::auth::tests) const EXPIRY: Duration = Duration::from_secs(130);

    /// Into the last minute of a session.
    pub(in crate::auth::tests) const ALMOST: Duration = Duration::from_secs(100);

    pub(in crate::auth::tests) type App =
        BoxCloneService<Request<()>, Response<String>, Infallible>;

    /// The fake with a user, `U1`.
    pub(in crate::auth::tests) async fn fake(rotation: bool) -> FakeDescope {
        let fake = FakeDescope::builder().rotation(rotation).session_ttl(LIFE);
        fake.user("ann@example.test", |user| user.id("U1"))
            .user("bob@example.test", |user| user.id("U2"))
            .start()
            .await
    }

    /// A layer that renews, over a handler that says who the user is.
    pub(in crate::auth::tests) fn app(descope: &Descope) -> App {
        let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
        let handler = service_fn(|request: Request<()>| async move {
            let session = request.extensions().get::<Session>();
            let user = session.map(|session| session.user_id().to_string());
            Ok::<_, Infallible>(Response::new(user.unwrap_or_default()))
        });
        BoxCloneService::new(layer.layer(handler))
    }

    /// A handle of which the keys are at hand, and the app behind it.
    pub(in crate::auth::tests) async fn warm(fake: &FakeDescope) -> (Descope, App) {
        let descope = fake.descope();
        descope.warm_up().await.unwrap();
        let app = app(&descope);
        (descope, app)
    }

    /// Sends a request with this `Cookie` field.
    pub(in crate::auth::tests) async fn get(app: &App, cookies: &str) -> Response<String> {
        let request = Request::get("/").header(header::COOKIE, cookies);
        let Ok(response) = app.clone().oneshot(request.body(()).unwrap()).await;
        response
    }

    /// The outcome of some work, and how many signatures were checked for it.
    pub(in crate::auth::tests) async fn counted<T>(work: impl Future<Output = T>) -> (T, usize) {
        let before = signature_checks();
        let outcome = work.await;
        (outcome, signature_checks() - before)
    }

    /// The status of a request with these cookies, and how many signatures were checked for it.
    pub(in crate::auth::tests) async fn checks(app: &App, cookies: &str) -> (StatusCode, usize) {
        let (response, checks) = counted(get(app, cookies)).await;
        (response.status(), checks)
    }

    /// The code of a refusal.
    pub(in crate::auth::tests) fn code(response: &Response<String>) -> &'static str {
        response.extensions().get::<Rejection>().unwrap().code()
    }

    /// A `Cookie` field with the cookies of a response, those that it does not set taken from `before`.
    pub(in crate::auth::tests) fn cookies_after(headers: &HeaderMap, before: &str) -> String {
        let mut pairs: Vec<String> = before.split("; ").map(str::to_owned).collect();
        for line in headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let name = pair.split('=').next().unwrap();
            pairs.retain(|known| known.split('=').next() != Some(name));
            pairs.push(pair.to_owned());
        }
        pairs.join("; ")
    }
}
