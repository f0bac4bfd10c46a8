//! A refresh token that is not worth a look, beside a session in its last minute.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{StatusCode, header};

    use super::super::world::{ALMOST, App, checks, fake, get, warm};
    use crate::{RefreshToken, test_util::FakeDescope};

    const REFRESH: &str = "/v1/auth/refresh";

    /// The two tokens of a session whose early renewal has failed a moment ago.
    async fn resting(fake: &FakeDescope, app: &App) -> (String, String) {
        let session = fake.session("U1").token();
        let refresh = fake.refresh("U1").token();
        fake.clock().advance(ALMOST);
        fake.down(true);
        let cookies = format!("DS={session}; DSR={refresh}");
        assert_eq!(checks(app, &cookies).await, (StatusCode::OK, 2));
        assert_eq!(checks(app, &cookies).await, (StatusCode::OK, 0));
        fake.down(false);
        // Until the token may be sent again, and no longer than it rests.
        fake.clock().advance(Duration::from_secs(12));
        (session, refresh)
    }

    async fn lines(app: &App, cookies: &str) -> usize {
        let response = get(app, cookies).await;
        assert_eq!(response.status(), StatusCode::OK);
        response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .count()
    }

    #[tokio::test]
    async fn a_token_that_rested_is_looked_at_as_soon_as_another_request_has_had_it_replaced() {
        let fake = fake(true).await;
        let (descope, app) = warm(&fake).await;
        let (session, refresh) = resting(&fake, &app).await;
        let cookies = format!("DS={session}; DSR={refresh}");
        assert_eq!(lines(&app, &cookies).await, 0);
        let answer = descope
            .refresh(&RefreshToken::new(&*refresh))
            .await
            .unwrap();
        let calls = fake.calls(REFRESH);
        assert_eq!(lines(&app, &cookies).await, 2);
        let successor = answer.refresh_token().unwrap().expose();
        let delivered = format!("DS={}; DSR={successor}", answer.session_token().expose());
        assert_eq!(lines(&app, &delivered).await, 0);
        assert_eq!(fake.calls(REFRESH), calls);
    }

    #[tokio::test]
    async fn beside_another_users_session_a_token_that_rests_is_not_sent_either() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let bob = fake.session("U2").token();
        let (_, refresh) = resting(&fake, &app).await;
        let calls = fake.calls(REFRESH);
        assert_eq!(lines(&app, &format!("DS={bob}; DSR={refresh}")).await, 0);
        assert_eq!(fake.calls(REFRESH), calls);
    }

    #[tokio::test]
    async fn beside_further_cookies_a_token_that_rests_is_judged_with_them() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let (session, refresh) = resting(&fake, &app).await;
        let other = fake.refresh("U2").token();
        let cookies = format!("DS={session}; DSR={refresh}; DSR={other}");
        let calls = fake.calls(REFRESH);
        let (status, checks) = checks(&app, &cookies).await;
        assert_eq!((status, checks), (StatusCode::OK, 1), "the other's");
        assert_eq!(fake.calls(REFRESH), calls);
    }

    #[tokio::test]
    async fn a_request_that_shows_the_token_alone_is_renewed_by_it() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let (_, refresh) = resting(&fake, &app).await;
        let calls = fake.calls(REFRESH);
        assert_eq!(lines(&app, &format!("DSR={refresh}")).await, 2);
        assert_eq!(fake.calls(REFRESH), calls + 1);
    }
}
