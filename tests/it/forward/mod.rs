//! Forward-auth: what a proxy asks, over real HTTP, and what it is answered.

mod answers;
mod identity;
mod questions;
mod renewals;
mod settings;
mod sign_in;

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, server::conn::http1};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_descope::{Descope, ForwardAuth, Renewal, forward::ForwardAuthBuilder};

use crate::support::browser::{Browser, set_cookies};

pub(crate) const SECRET: &str = "9f2d7c51e0b84a36";

/// The host that the browsers are at.
pub(crate) const HOST: &str = "app.example";

/// Forward-auth as most set it up.
pub(crate) fn usual(descope: &Descope) -> ForwardAuthBuilder {
    ForwardAuth::builder(descope.clone())
        .proxy_secret(SECRET)
        .renew(Renewal::new())
}

/// A server of its own, which ends when this is dropped.
pub(crate) struct Server {
    url: String,
    client: Client<HttpConnector, Empty<Bytes>>,
    task: JoinHandle<()>,
}

/// What a proxy asks: the fields of its client, and its own.
#[derive(Clone)]
pub(crate) struct Question {
    method: &'static str,
    path: &'static str,
    fields: Vec<(String, Vec<u8>)>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start(builder: ForwardAuthBuilder) -> Self {
        let service = TowerToHyperService::new(builder.build().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(served);
            }
        });
        Self {
            url,
            client: Client::builder(TokioExecutor::new()).build_http(),
            task,
        }
    }

    pub(crate) async fn ask(&self, question: &Question) -> Answer {
        let mut request = Request::builder()
            .method(question.method)
            .uri(format!("{}{}", self.url, question.path));
        for (name, value) in &question.fields {
            request = request.header(name, &**value);
        }
        let request = request.body(Empty::new()).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Question {
    /// About a browser's request.
    pub(crate) fn of(browser: &Browser, method: &str, target: &str) -> Self {
        let mut question = Self::about(method, target);
        if !browser.jar.is_empty() {
            question = question.with("cookie", browser.cookies());
        }
        question
    }

    /// About a request without any credential.
    pub(crate) fn about(method: &str, target: &str) -> Self {
        Self {
            method: "GET",
            path: "/check",
            fields: Vec::new(),
        }
        .with("x-auth-proxy", SECRET)
        .with("x-forwarded-method", method)
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", HOST)
        .with("x-forwarded-uri", target)
    }

    pub(crate) fn page(browser: &Browser) -> Self {
        Self::of(browser, "GET", "/page")
    }

    /// A method and a path of the question's own, which say nothing.
    pub(crate) fn put_by(mut self, method: &'static str, path: &'static str) -> Self {
        (self.method, self.path) = (method, path);
        self
    }

    /// With one more field.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// With this value and no other.
    pub(crate) fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.set("authorization", format!("Bearer {token}"))
    }
}

impl Answer {
    /// The only value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} comes twice");
        Some(value.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.field("x-descope-rejection")
    }

    /// User, tenant and roles of a 200.
    pub(crate) fn identity(&self) -> [&str; 3] {
        assert_eq!(self.status, 200, "{self:?}");
        ["x-user-id", "x-tenant-id", "x-tenant-roles"].map(|name| self.field(name).unwrap())
    }

    /// The lines of the numbered fields, in their order.
    pub(crate) fn numbered(&self) -> Vec<String> {
        let field = |number| self.field(&format!("x-auth-set-cookie-{number}"));
        (1..).map_while(field).map(str::to_owned).collect()
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        set_cookies(&self.headers)
    }
}
