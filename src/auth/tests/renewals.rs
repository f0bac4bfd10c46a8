//! No signature is checked twice for one request, nor again for a refresh token that is known.

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode};
    use http_body_util::Full;
    use tower::ServiceExt;

    use super::super::world::{
        ALMOST, EXPIRY, app, checks, code, cookies_after, counted, fake, get, warm,
    };
    use crate::{
        RefreshToken, SelectTenant, SessionRoutes,
        cookie::SessionCookies,
        test_util::{FakeDescope, SignedIn},
    };

    fn jar(signed_in: &SignedIn) -> String {
        let (session, refresh) = (signed_in.session_jwt(), signed_in.refresh_jwt());
        format!("DS={session}; DSR={refresh}")
    }

    /// The cookies of an expired session and of a refresh token, none of which was seen here before.
    fn expired(fake: &FakeDescope) -> String {
        let session = fake.session("U1").expired().token();
        format!("DS={session}; DSR={}", fake.refresh("U1").token())
    }

    #[tokio::test]
    async fn a_renewal_checks_the_two_tokens_presented_and_those_of_the_answer_once_each() {
        for (rotation, expected) in [(false, 3), (true, 4)] {
            let fake = fake(rotation).await;
            let (_, app) = warm(&fake).await;
            let cookies = expired(&fake);
            assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, expected));
        }
    }

    #[tokio::test]
    async fn the_next_renewal_of_a_browser_checks_the_tokens_of_the_answer_alone() {
        for (rotation, expected) in [(false, 1), (true, 2)] {
            let fake = fake(rotation).await;
            let (_, app) = warm(&fake).await;
            let mut cookies = jar(&fake.sign_in("ann@example.test"));
            assert_eq!(checks(&app, &cookies).await.1, 1, "the session");
            fake.clock().advance(EXPIRY);
            // The session was verified when it was good; the refresh token comes for the first time.
            let (response, first) = counted(get(&app, &cookies)).await;
            assert_eq!(first, expected + 1);
            cookies = cookies_after(response.headers(), &cookies);
            fake.clock().advance(EXPIRY);
            assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, expected));
        }
    }

    #[tokio::test]
    async fn an_early_renewal_checks_the_refresh_token_and_the_tokens_of_the_answer_once() {
        for cached in [0, 100] {
            let fake = fake(true).await;
            let descope = fake.descope_builder().session_cache(cached).build();
            let descope = descope.unwrap();
            descope.warm_up().await.unwrap();
            let app = app(&descope);
            let cookies = jar(&fake.sign_in("ann@example.test"));
            fake.clock().advance(ALMOST);
            assert_eq!(
                checks(&app, &cookies).await,
                (StatusCode::OK, 4),
                "{cached}"
            );
            assert_eq!(fake.calls("/v1/auth/refresh"), 1);
        }
    }

    #[tokio::test]
    async fn of_several_cookies_of_each_name_each_value_is_checked_once() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let mut cookies = Vec::new();
        for n in 0..4 {
            let session = fake.session("U1").claim("n", n).expired().token();
            let refresh = fake.refresh("U2").claim("n", n).token();
            cookies.push(format!("DS={session}; DSR={refresh}"));
        }
        let (response, checks) = counted(get(&app, &cookies.join("; "))).await;
        assert_eq!(code(&response), "expired_token");
        assert_eq!(checks, 8);
        assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    }

    #[tokio::test]
    async fn forged_cookies_are_checked_once_each() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let forged = |token: String, n: usize| {
            let signature = token.rfind('.').unwrap();
            format!(
                "{}.{}",
                &token[..signature],
                "AAAA".repeat(85) + ["AA", "AQ", "Ag", "Aw"][n]
            )
        };
        let mut cookies = Vec::new();
        for n in 0..4 {
            let session = forged(fake.session("U1").claim("n", n).expired().token(), n);
            let refresh = forged(fake.refresh("U1").claim("n", n).token(), n);
            cookies.push(format!("DS={session}; DSR={refresh}"));
        }
        let (response, checks) = counted(get(&app, &cookies.join("; "))).await;
        assert_eq!(code(&response), "invalid_token");
        assert_eq!(
            checks, 4,
            "of the sessions; no refresh token makes up for a forged one"
        );
    }

    #[tokio::test]
    async fn a_token_under_two_names_is_checked_once() {
        let fake = fake(true).await;
        let cookies = SessionCookies::host_prefixed();
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        descope.warm_up().await.unwrap();
        let app = app(&descope);
        let session = fake.session("U1").expired().token();
        let refresh = fake.refresh("U1").token();
        let cookies =
            format!("__Host-DS={session}; DS={session}; __Host-DSR={refresh}; DSR={refresh}");
        assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 4));
    }

    #[tokio::test]
    async fn a_straggler_with_a_replaced_refresh_token_costs_no_signature_check() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let cookies = expired(&fake);
        let straggler = |cookies: &str| {
            // Its session cookie was checked for nobody else, so that one counts.
            let (_, refresh) = cookies.split_once("; ").unwrap();
            refresh.to_owned()
        };
        let old = straggler(&cookies);
        let first = get(&app, &cookies).await;
        for _ in 0..3 {
            assert_eq!(checks(&app, &old).await, (StatusCode::OK, 0));
        }
        // Also beside the browser that has the new one, and after it.
        let new = straggler(&cookies_after(first.headers(), &cookies));
        for _ in 0..3 {
            assert_eq!(checks(&app, &new).await.1, 0);
            assert_eq!(checks(&app, &old).await.1, 0);
        }
    }

    #[tokio::test]
    async fn a_session_in_its_last_minute_costs_no_signature_check_while_descope_is_down() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let cookies = jar(&fake.sign_in("ann@example.test"));
        fake.clock().advance(ALMOST);
        fake.down(true);
        assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 2));
        for _ in 0..3 {
            assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 0));
        }
    }

    #[tokio::test]
    async fn a_refresh_token_is_forgotten_with_its_family() {
        let fake = fake(true).await;
        let builder = fake.descope_builder().kept_sessions(1);
        let descope = builder.build().unwrap();
        descope.warm_up().await.unwrap();
        let app = app(&descope);
        let cookies = jar(&fake.sign_in("ann@example.test"));
        fake.clock().advance(ALMOST);
        fake.down(true);
        get(&app, &cookies).await;
        assert_eq!(checks(&app, &cookies).await.1, 0, "it is remembered");
        let other = jar(&fake.sign_in("bob@example.test"));
        fake.clock().advance(ALMOST);
        get(&app, &other).await;
        fake.down(false);
        // The session has expired, and is in the cache.
        assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 3));
    }

    #[tokio::test]
    async fn a_token_that_a_stranger_signed_is_never_remembered() {
        let fake = fake(true).await;
        let (descope, _) = warm(&fake).await;
        let stranger = fake.refresh("U1").signed_by_stranger().token();
        let stranger = RefreshToken::new(stranger);
        for _ in 0..2 {
            let refused = descope.refresh(&stranger);
            let (refused, checks) = counted(refused).await;
            assert!(refused.is_err());
            assert_eq!(checks, 1);
        }
    }

    #[tokio::test]
    async fn the_session_routes_and_the_switch_check_each_token_once() {
        let fake = fake(true).await;
        fake.set_user("ann@example.test", |user| {
            user.tenant("T1", |tenant| tenant)
        });
        let (descope, _) = warm(&fake).await;
        let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
        let switch = SelectTenant::new(descope);
        let request = |method: &str, path: &str, cookies: &str, body: &'static str| {
            let request = Request::builder().method(method).uri(path);
            let request = request
                .header("cookie", cookies)
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/json");
            request.body(Full::new(bytes::Bytes::from(body))).unwrap()
        };
        let cookies = expired(&fake);
        let me = request("GET", "/v1/auth/me", &cookies, "");
        let (response, checks) = counted(routes.clone().oneshot(me)).await;
        assert_eq!((response.unwrap().status(), checks), (StatusCode::OK, 2));
        // From now on the refresh token is known.
        let refresh = request("POST", "/v1/auth/refresh", &cookies, "");
        let (response, checks) = counted(routes.clone().oneshot(refresh)).await;
        let response = response.unwrap();
        assert_eq!((response.status(), checks), (StatusCode::OK, 3));
        let cookies = cookies_after(response.headers(), &cookies);
        let select = request("POST", "/", &cookies, r#"{"tenant":"T1"}"#);
        let (response, checks) = counted(switch.oneshot(select)).await;
        let response = response.unwrap();
        assert_eq!(
            (response.status(), checks),
            (StatusCode::OK, 2),
            "both are new"
        );
        let cookies = cookies_after(response.headers(), &cookies);
        let logout = request("POST", "/v1/auth/logout", &cookies, "");
        let (response, checks) = counted(routes.oneshot(logout)).await;
        assert_eq!((response.unwrap().status(), checks), (StatusCode::OK, 0));
    }
}
