//! What the example asks itself, and its settings where it asks the stand-in.

use std::{
    env::{self, VarError},
    error::Error,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower_descope::test_util::FakeDescope;

use super::settings::Settings;

/// What is set where the environment says nothing.
const USUAL: [(&str, &str); 5] = [
    ("LISTEN", "127.0.0.1:0"),
    ("PROXY_SECRET", "everybody-can-read-this"),
    ("COOKIE_NAMES", "plain"),
    ("SIGN_IN_URL", "/sign-in"),
    ("SESSION_HEADER", "X-Auth-Session"),
];

/// Settings of which each is wrong, with the variable that the message has to name.
const WRONG: [(&[(&str, &str)], &str); 14] = [
    (&[("LISTEN", "4180")], "LISTEN"),
    (&[("PROXY_SECRET", "")], "PROXY_SECRET"),
    (&[("PROXY_SECRET", "short")], "PROXY_SECRET"),
    (&[("WITHOUT_PROXY_SECRET", "true")], "PROXY_SECRET"),
    (&[("RENEW", "yes")], "RENEW"),
    (&[("NUMBERED_COOKIES", "8")], "NUMBERED_COOKIES"),
    (&[("SIGN_IN_URL", "sign-in")], "SIGN_IN_URL"),
    (&[("SIGN_IN_URL", "//evil.test/")], "SIGN_IN_URL"),
    (&[("RETURN_HOSTS", "https://a.test")], "RETURN_HOSTS"),
    (&[("SIGN_IN_URL", ""), ("REDIRECTS", "true")], "REDIRECTS"),
    (&[("SESSION_HEADER", "Set-Cookie")], "SESSION_HEADER"),
    (&[("COOKIE_SAME_SITE", "Strict")], "COOKIE_SAME_SITE"),
    (&[("FORMS_PAGE", "https://a.test/")], "FORMS_PAGE"),
    (&[("REDIS_URL", "redis://127.0.0.1")], "SHARED_SECRET"),
];

/// The environment's settings, with the usual ones behind them; those alone for a check.
pub(crate) fn settings() -> Result<Settings, String> {
    if env::var_os("EXAMPLE_CHECK").is_some() {
        return Settings::new(usual);
    }
    Settings::new(|name| match env::var(name) {
        Err(VarError::NotPresent) => usual(name),
        set => set,
    })
}

fn usual(name: &str) -> Result<String, VarError> {
    let found = USUAL.iter().find(|(known, _)| *known == name);
    found.map_or(Err(VarError::NotPresent), |(_, value)| {
        Ok((*value).to_owned())
    })
}

pub(crate) async fn run(url: &str, fake: &FakeDescope) -> Result<(), Box<dyn Error>> {
    mistakes(fake)?;
    let ann = fake.sign_in_to("ann@acme.test", "T2acme");
    let session = format!("DS={}", ann.session_jwt());
    let refresh = format!("DSR={}", ann.refresh_jwt());

    expect(url, "/healthz", |it| it, StatusCode::OK).await?;
    expect(url, "/readyz", |it| it, StatusCode::OK).await?;
    expect(url, "/auth/me", |it| it, StatusCode::UNAUTHORIZED).await?;
    // Whatever the path: this is the proxy's question.
    let nobody = expect(url, "/healthz", question, StatusCode::UNAUTHORIZED).await?;
    field(&nobody, "x-auth-location", "/sign-in?return_to=%2Fprojects")?;
    let stranger = |it: request::Builder| it.header("x-auth-proxy", "a-guess-of-a-stranger");
    expect(url, "/check", stranger, StatusCode::FORBIDDEN).await?;

    let signed_in = |it| question(it).header("cookie", &*session);
    let answer = expect(url, "/check", signed_in, StatusCode::OK).await?;
    for (name, value) in [
        ("x-user-id", "U2ann"),
        ("x-tenant-id", "T2acme"),
        ("x-tenant-roles", "tenant%20admin"),
        ("x-auth-session", ann.session_jwt()),
    ] {
        field(&answer, name, value)?;
    }
    let renewed = |it| question(it).header("cookie", &*refresh);
    let answer = expect(url, "/check", renewed, StatusCode::OK).await?;
    field(&answer, "x-user-id", "U2ann")?;
    let cookies = answer.headers().get_all("set-cookie").iter().count();
    if cookies != 2 || !answer.headers().contains_key("x-auth-set-cookie-2") {
        return Err("a renewal has to bring two cookies".into());
    }
    Ok(())
}

/// Each mistake is told with the name of its variable.
fn mistakes(fake: &FakeDescope) -> Result<(), Box<dyn Error>> {
    for (changed, variable) in WRONG {
        let settings = Settings::new(|name| {
            let found = changed.iter().find(|(known, _)| *known == name);
            found.map_or_else(|| usual(name), |(_, value)| Ok((*value).to_owned()))
        });
        let result = settings.and_then(|settings| {
            let descope = settings.descope(fake.descope_builder())?;
            settings.forward_auth(descope)
        });
        match result {
            Err(message) if message.starts_with(&format!("{variable}: ")) => {}
            Err(message) => return Err(format!("{variable} is not named first: {message}").into()),
            Ok(_) => return Err(format!("a wrong {variable} is taken: {changed:?}").into()),
        }
    }
    Ok(())
}

/// What the proxy says of the request that a browser has sent it.
fn question(request: request::Builder) -> request::Builder {
    request
        .header("x-auth-proxy", "everybody-can-read-this")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "app.example.test")
        .header("x-forwarded-uri", "/projects")
        .header("sec-fetch-site", "same-origin")
}

/// Sends a request, prints the status, and compares it.
async fn expect(
    url: &str,
    path: &str,
    with: impl Fn(request::Builder) -> request::Builder,
    expected: StatusCode,
) -> Result<Response<Bytes>, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = with(Request::get(format!("{url}{path}"))).body(Empty::<Bytes>::new())?;
    let (answer, body) = client.request(request).await?.into_parts();
    println!("{path}: {}", answer.status);
    if answer.status != expected {
        return Err(format!("{path}: expected {expected}").into());
    }
    Ok(Response::from_parts(
        answer,
        body.collect().await?.to_bytes(),
    ))
}

fn field(answer: &Response<Bytes>, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
    let is = answer.headers().get(name);
    if is.is_some_and(|is| is == value) {
        return Ok(());
    }
    Err(format!("{name} is not {value:?}").into())
}
