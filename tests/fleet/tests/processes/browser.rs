//! A browser: its cookies, and what it asks.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header, request};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_descope::test_util::SignedIn;
use tower_descope_fleet::PROJECT;

#[derive(Clone, Debug)]
pub(crate) struct Browser {
    http: Client<HttpConnector, Full<Bytes>>,
    pub(crate) session: Option<String>,
    pub(crate) refresh: String,
}

/// A replica's answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Zero where the connection broke.
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) session: Option<String>,
    pub(crate) refresh: Option<String>,
    pub(crate) took: Duration,
}

impl Answer {
    /// True if nothing is written into the browser.
    pub(crate) fn is_untouched(&self) -> bool {
        self.session.is_none() && self.refresh.is_none()
    }
}

impl Browser {
    pub(crate) fn new(signed_in: &SignedIn) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            session: Some(signed_in.session_jwt().to_owned()),
            refresh: signed_in.refresh_jwt().to_owned(),
        }
    }

    /// The same after its session has expired.
    pub(crate) fn expired(mut self) -> Self {
        self.session = None;
        self
    }

    /// Asks a replica for its page.
    pub(crate) async fn page(&self, url: &str) -> Answer {
        self.send(Request::get(url), "").await
    }

    /// Asks for the page and keeps the cookies of the answer.
    pub(crate) async fn visit(&mut self, url: &str) -> Answer {
        let answer = self.page(url).await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn select(&self, url: &str, tenant: &str) -> Answer {
        let request = Request::post(format!("{url}/select"));
        self.send(request, &format!(r#"{{"tenant":"{tenant}"}}"#))
            .await
    }

    /// A call of Descope's SDK in the page.
    pub(crate) async fn call(&self, url: &str, call: &str) -> Answer {
        let request = Request::post(format!("{url}/v1/auth/{call}"))
            .header("authorization", format!("Bearer {PROJECT}"))
            .header("x-descope-project-id", PROJECT);
        self.send(request, "{}").await
    }

    /// Refreshes its session at Descope itself.
    pub(crate) async fn at_descope(&self, url: &str) -> Answer {
        let request = Request::post(format!("{url}/v1/auth/refresh"));
        let credential = format!("Bearer {PROJECT}:{}", self.refresh);
        self.send(request.header("authorization", credential), "{}")
            .await
    }

    /// Asks for a page whose layer renews nothing.
    pub(crate) async fn plain(&self, url: &str) -> Answer {
        self.send(Request::get(format!("{url}/plain")), "").await
    }

    /// Has a replica revoke all sessions of a user.
    pub(crate) async fn revoke(&self, url: &str, user: &str) -> Answer {
        self.send(Request::post(format!("{url}/revoke/{user}")), "")
            .await
    }

    /// Waits until a replica has told Redis all that it knows.
    pub(crate) async fn drain(&self, url: &str) -> Answer {
        self.send(Request::post(format!("{url}/drain")), "").await
    }

    /// Keeps the cookies of an answer.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        if let Some(session) = &answer.session {
            self.session = Some(session.clone());
        }
        if let Some(refresh) = &answer.refresh {
            self.refresh.clone_from(refresh);
        }
    }

    async fn send(&self, request: request::Builder, body: &str) -> Answer {
        let session = self.session.iter().map(|it| format!("DS={it}; "));
        let cookies: String = session.chain([format!("DSR={}", self.refresh)]).collect();
        let request = request
            .header(header::COOKIE, cookies)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let begun = Instant::now();
        let mut answer = Answer {
            status: 0,
            body: String::new(),
            session: None,
            refresh: None,
            took: Duration::ZERO,
        };
        if let Ok(response) = self.http.request(request).await {
            let (head, body) = response.into_parts();
            if let Ok(body) = body.collect().await {
                answer.status = head.status.as_u16();
                answer.body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            }
            for line in head.headers.get_all(header::SET_COOKIE) {
                let line = line.to_str().unwrap();
                let (name, rest) = line.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap().to_owned();
                match name {
                    "DS" => answer.session = Some(value),
                    "DSR" => answer.refresh = Some(value),
                    _ => {}
                }
            }
        }
        answer.took = begun.elapsed();
        answer
    }
}
