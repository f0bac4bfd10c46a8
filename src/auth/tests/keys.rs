//! A verdict that is remembered counts as long as the key that signed its token.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::super::world::{ALMOST, App, EXPIRY, app, checks, code, counted, fake, get, warm};
    use crate::test_util::FakeDescope;

    /// Past the time to live of the keys and the pause between fetches, so that a request waits for them.
    const STALE: Duration = Duration::from_secs(700);

    /// The cookie of a refresh token that was verified, beside a session in its last minute.
    async fn remembered(fake: &FakeDescope, app: &App) -> String {
        let session = fake.session("U1").token();
        let refresh = fake.refresh("U1").token();
        let cookies = format!("DS={session}; DSR={refresh}");
        fake.clock().advance(ALMOST);
        fake.down(true);
        assert_eq!(checks(app, &cookies).await, (StatusCode::OK, 2));
        assert_eq!(checks(app, &cookies).await, (StatusCode::OK, 0));
        fake.down(false);
        format!("DSR={refresh}")
    }

    #[tokio::test]
    async fn a_token_is_refused_once_its_key_has_been_withdrawn() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let cookies = remembered(&fake, &app).await;
        fake.rotate_keys();
        fake.clock().advance(STALE);
        let response = get(&app, &cookies).await;
        assert_eq!(code(&response), "missing_token");
        assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    }

    #[tokio::test]
    async fn a_token_is_verified_afresh_with_another_key_of_the_same_name() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let cookies = remembered(&fake, &app).await;
        let old = fake.current_kid();
        let new = fake.add_key();
        let mut keys = fake.jwks();
        let list = keys["keys"].as_array_mut().unwrap();
        list.retain(|key| key["kid"] == new.as_str());
        list[0]["kid"] = old.into();
        fake.set_jwks_body(Some(keys.to_string()));
        fake.clock().advance(STALE);
        let (response, checks) = counted(get(&app, &cookies)).await;
        assert_eq!((code(&response), checks), ("missing_token", 1));
        assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    }

    #[tokio::test]
    async fn a_key_that_was_fetched_again_and_has_not_changed_goes_on_counting() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let cookies = remembered(&fake, &app).await;
        let fetches = fake.key_fetches();
        fake.clock().advance(STALE);
        let (status, checks) = checks(&app, &cookies).await;
        assert!(fake.key_fetches() > fetches);
        assert_eq!((status, checks), (StatusCode::OK, 2), "of the answer alone");
    }

    #[tokio::test]
    async fn a_token_that_has_expired_since_is_refused_although_it_is_remembered() {
        let fake = fake(true).await;
        let (_, app) = warm(&fake).await;
        let session = fake.session("U1").token();
        let refresh = fake.refresh("U1").expires_in(120).token();
        let cookies = format!("DS={session}; DSR={refresh}");
        fake.clock().advance(ALMOST);
        fake.down(true);
        assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 2));
        fake.down(false);
        fake.clock().advance(EXPIRY);
        let (response, checks) = counted(get(&app, &cookies)).await;
        assert_eq!((code(&response), checks), ("expired_token", 0));
        assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    }

    #[tokio::test]
    async fn a_request_that_waits_for_keys_checks_each_signature_once() {
        let fake = fake(true).await;
        let app = app(&fake.descope());
        let session = fake.session("U1").expired().token();
        let refresh = fake.refresh("U1").token();
        let cookies = format!("DS={session}; DSR={refresh}");
        assert_eq!(checks(&app, &cookies).await, (StatusCode::OK, 4));
    }
}
