//! Signing in and out in handlers of one's own.

mod again;
mod attempts;
mod codes;
mod cookies;
mod former;
mod life;
mod meanwhile;
mod only_tenant;
mod partitioned;
mod rotated;
mod rules;
mod sign_outs;

use http::HeaderMap;
use tower_descope::{
    Descope, RefreshToken, SessionToken,
    sign_in::{Adopt, SignedIn},
    test_util::{self, FakeDescope},
};

use crate::support::browser::{Browser, set_cookies};

/// Two tokens that a page has received, to become a browser's session.
pub(crate) fn adopt(descope: &Descope, browser: &Browser, login: &test_util::SignedIn) -> Adopt {
    let session = SessionToken::new(login.session_jwt());
    let refresh = RefreshToken::new(login.refresh_jwt());
    descope.adopt(&browser.headers(), session, refresh)
}

/// The head of a response that signs in.
pub(crate) fn head(signed_in: &SignedIn) -> HeaderMap {
    let mut head = HeaderMap::new();
    signed_in.set_cookies(&mut head);
    head
}

/// The lines that sign a browser in.
pub(crate) fn lines(signed_in: &SignedIn) -> Vec<String> {
    set_cookies(&head(signed_in))
}

/// Whether Descope, asked by a process that knows nothing, still renews with a token. It is spent by
/// that.
pub(crate) async fn lives(fake: &FakeDescope, token: &str) -> bool {
    let stranger = fake.descope();
    stranger.refresh(&RefreshToken::new(token)).await.is_ok()
}

impl Browser {
    /// The fields of a request of its pages.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.get().into_parts().0.headers
    }

    /// Receives the response of a sign-in.
    pub(crate) fn receive(&mut self, signed_in: &SignedIn) {
        self.keep(&head(signed_in));
    }

    /// Whether a service renews its session, which is left as it was.
    pub(crate) async fn renews(&self, descope: &Descope) -> bool {
        let presented = descope.presented_refresh_token(&self.headers()).await;
        match presented {
            Ok(token) => descope.refresh(&token).await.is_ok(),
            Err(_) => false,
        }
    }
}
