//! Calls to a small faulty server on loopback.

use std::{
    future::Future,
    sync::atomic::Ordering::SeqCst,
    task::Poll::Ready,
    time::{Duration, Instant},
};

use tokio::net::TcpSocket;

use super::{
    DescopeClient, RawAnswer, TenantsBody,
    faulty_server::{Act, LONG, SHORT, Server, answer, client, client_by},
};
use crate::{
    clock::{Clock, TestClock},
    error::{Error, ErrorKind},
    ids::TenantId,
    token::{RefreshToken, SessionToken},
};

const GRANTED: &str = r#"{"sessionJwt":"s.s.s","refreshJwt":"r.r.r"}"#;

async fn select(client: &DescopeClient) -> Result<RawAnswer, Error> {
    let tenant = TenantId::new("T2\"acme").unwrap();
    client
        .select_tenant(&RefreshToken::new("old.r.r"), &tenant)
        .await
}

async fn failure(act: Act) -> Error {
    let server = Server::start(vec![act]).await;
    let error = select(&server.client(true)).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "one POST: {error:?}");
    let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
    assert!(
        !shown.contains("old.r.r") && !shown.contains("secret"),
        "{shown}"
    );
    error
}

#[tokio::test]
async fn a_call_is_one_post_with_headers_of_our_own() {
    let server = Server::start(vec![answer("200 OK", "", GRANTED)]).await;
    let base = format!("{}/prefix/", server.base);
    let answer = select(&client(&base, true, LONG)).await.unwrap();
    assert_eq!(answer.session_token(), Some(&SessionToken::new("s.s.s")));
    assert_eq!(answer.refresh_token(), Some(&RefreshToken::new("r.r.r")));

    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("one request: {requests:?}");
    };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /prefix/v1/auth/tenant/select HTTP/1.1\r\n"));
    assert!(head.contains("authorization: Bearer P1:old.r.r\r\n"));
    assert!(head.contains("content-type: application/json\r\n"));
    assert!(head.contains("x-descope-project-id: P1\r\n"));
    assert!(!head.contains("cookie") && head.contains("accept-encoding: identity\r\n"));
    assert_eq!(body, r#"{"tenant":"T2\"acme"}"#);
}

#[tokio::test]
async fn tokens_may_come_as_cookies_among_others() {
    let cookies = "set-cookie: DSTEST=x\r\nset-cookie: DS=s; Domain=other.example\r\n\
                   set-cookie: DSR=r; Path=/\r\nset-cookie: __cf_bm=cdn\r\n";
    let server = Server::start(vec![answer("200 OK", cookies, "{}")]).await;
    let answer = select(&server.client(true)).await.unwrap();
    assert_eq!(answer.session_token(), Some(&SessionToken::new("s")));
    assert_eq!(answer.refresh_token(), Some(&RefreshToken::new("r")));
}

#[tokio::test]
async fn what_descope_cannot_mean_is_invalid() {
    for act in [
        answer("200 OK", "", "<html>secret</html>"),
        answer("200 OK", "", ""),
        answer("200 OK", "content-encoding: gzip\r\n", "\u{1f}secret"),
        answer("302 Found", "location: /elsewhere\r\n", GRANTED),
        answer("307 Moved", "location: /elsewhere\r\n", GRANTED),
        answer("418 Odd", "", "secret"),
        answer(
            "200 OK",
            "",
            &format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024)),
        ),
        Act::Flood(""),
    ] {
        let shown = format!("{act:.60?}");
        assert_eq!(
            failure(act).await.kind(),
            ErrorKind::UpstreamInvalid,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_refresh_token_in_a_cookie_outlives_the_body_it_came_with() {
    const COOKIE: &str = "set-cookie: DSR=r; Path=/\r\n";
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n{COOKIE}\r\n{{");
    for (act, timeout, kind) in [
        (
            answer("200 OK", COOKIE, "<html>"),
            LONG,
            ErrorKind::UpstreamInvalid,
        ),
        (Act::Say(cut.clone()), LONG, ErrorKind::UpstreamUnavailable),
        // Time enough for the head, on a busy machine too.
        (Act::Stall(cut), SHORT * 25, ErrorKind::UpstreamTimeout),
        (Act::Flood(COOKIE), LONG, ErrorKind::UpstreamInvalid),
    ] {
        let shown = format!("{act:?}");
        let server = Server::start(vec![act]).await;
        let answer = select(&client(&server.base, true, timeout)).await.unwrap();
        let token = RefreshToken::new("r");
        assert_eq!(answer.refresh_token(), Some(&token), "{shown}");
        assert_eq!(answer.fault.unwrap().kind(), kind, "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_code_and_nothing_else() {
    let body = r#"{"errorCode":"E012345","errorMessage":"secret <script>"}"#;
    let error = failure(answer("403 Forbidden", "", body)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.upstream_status(), Some(403));
    assert_eq!(error.upstream_code(), Some("E012345"));

    let error = failure(answer("400 Bad", "", r#"{"errorCode":"E064006"}"#)).await;
    assert_eq!(error.kind(), ErrorKind::RefreshTokenReused);

    let error = failure(answer("401 No", "", r#"{"errorCode":"E064001"}"#)).await;
    assert!(error.ends_session());
}

#[tokio::test]
async fn a_rate_limit_keeps_its_retry_after() {
    for (header, expected) in [
        ("retry-after: 17\r\n", Some(Duration::from_secs(17))),
        ("retry-after: -1\r\n", None),
        (
            "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
            Some(Duration::ZERO),
        ),
        ("", None),
    ] {
        let error = failure(answer("429 Slow", header, "secret")).await;
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), expected, "{header}");
    }
}

#[tokio::test]
async fn an_outage_is_an_outage() {
    for act in [
        Act::Close,
        answer("500 Oops", "", "secret"),
        answer("503 Later", "", "<html>secret</html>"),
        Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".into()),
    ] {
        let shown = format!("{act:?}");
        let kind = failure(act).await.kind();
        assert_eq!(kind, ErrorKind::UpstreamUnavailable, "{shown}");
    }
}

#[tokio::test]
async fn the_deadline_is_over_the_whole_call() {
    for act in [
        Act::Hang,
        Act::Stall("HTTP/1.1 200 OK\r\ncontent-le".into()),
        Act::Stall("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".into()),
        Act::Stall("HTTP/1.1 403 No\r\ncontent-length: 99\r\n\r\n{".into()),
    ] {
        let shown = format!("{act:?}");
        let server = Server::start(vec![act]).await;
        let started = Instant::now();
        let client = client(&server.base, true, SHORT);
        let error = select(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamTimeout, "{shown}");
        assert!(started.elapsed() < LONG / 2);
        // The server may be later than the client's patience.
        let accepted = async {
            while server.connections.load(SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, accepted).await.unwrap();
        assert_eq!(server.connections.load(SeqCst), 1);
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_again_after_a_moment() {
    // Bound, so that nobody else listens there, and not listening either.
    let port = TcpSocket::new_v4().unwrap();
    port.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let base = format!("http://{}", port.local_addr().unwrap());
    let started = Instant::now();
    let error = select(&client(&base, true, LONG)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
    assert!(
        started.elapsed() >= Duration::from_millis(100),
        "tried again"
    );
}

#[tokio::test]
async fn a_503_is_repeated_once_and_only_where_tokens_are_not_rotated() {
    let later = || answer("503 Later", "", "");
    for (acts, rotation, connections, success) in [
        (vec![later(), answer("200 OK", "", GRANTED)], false, 2, true),
        (vec![later()], false, 2, false),
        (vec![later()], true, 1, false),
        (vec![answer("502 Bad", "", "")], false, 1, false),
        (
            vec![answer("503 No", "", r#"{"errorCode":"E064006"}"#)],
            false,
            1,
            false,
        ),
        (vec![Act::Close], false, 1, false),
    ] {
        let shown = format!("{acts:?} {rotation}");
        let server = Server::start(acts).await;
        let outcome = select(&server.client(rotation)).await;
        assert_eq!(outcome.is_ok(), success, "{shown}");
        assert_eq!(server.connections.load(SeqCst), connections, "{shown}");
    }
}

#[tokio::test]
async fn who_stood_still_while_waiting_for_a_connection_sends_nothing() {
    let server = Server::start(vec![answer("200 OK", "", GRANTED)]).await;
    let clock = TestClock::new();
    let client = client_by(Clock::Test(clock.clone()), &server.base, true, LONG);
    let connection = client.inner.limit.permit(true).await;
    let mut call = std::pin::pin!(select(&client));
    let is_pending =
        std::future::poll_fn(|context| Ready(call.as_mut().poll(context).is_pending()));
    assert!(is_pending.await);
    // All at once, for a process that goes on after that.
    drop(connection);
    clock.advance(LONG);
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(server.connections.load(SeqCst), 0);
}

#[tokio::test]
async fn a_token_that_is_none_goes_nowhere() {
    let server = Server::start(vec![answer("200 OK", "", GRANTED)]).await;
    let tenant = TenantId::new("T1").unwrap();
    let error = server
        .client(true)
        .select_tenant(&RefreshToken::new("a\r\nb"), &tenant)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRefreshToken);
    assert_eq!(server.connections.load(SeqCst), 0);
}

#[test]
fn debug_shows_no_token() {
    let shown = format!("{:?}", client("http://127.0.0.1:1", true, LONG));
    assert!(shown.starts_with("DescopeClient { base: "));
}

#[tokio::test]
async fn each_call_has_its_method_path_and_body() {
    let refresh = RefreshToken::new("old.r.r");
    let server = Server::start(vec![answer("200 OK", "", GRANTED)]).await;
    let client = server.client(true);
    client.refresh(&refresh, None).await.unwrap();
    client.logout(&refresh, false).await.unwrap();
    client.logout(&refresh, true).await.unwrap();
    let ids = [TenantId::new("T1").unwrap()];
    for which in [TenantsBody::Ids(&ids), TenantsBody::Dct(true)] {
        client.my_tenants(&refresh, which).await.unwrap();
    }
    let seen: Vec<String> = server
        .requests()
        .iter()
        .map(|request| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let (line, _) = head.split_once(" HTTP").unwrap();
            format!("{line} {body}")
        })
        .collect();
    assert_eq!(
        seen,
        [
            "POST /v1/auth/refresh {}",
            "POST /v1/auth/logout {}",
            "POST /v1/auth/logoutall {}",
            r#"POST /v1/auth/me/tenants {"ids":["T1"]}"#,
            r#"POST /v1/auth/me/tenants {"dct":true}"#,
        ]
    );
}

#[tokio::test]
async fn a_logout_needs_no_answer_to_speak_of() {
    for body in ["", "{}", "<html>"] {
        let server = Server::start(vec![answer("200 OK", "", body)]).await;
        let client = server.client(true);
        let refresh = RefreshToken::new("old.r.r");
        client.logout(&refresh, false).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_rotates_nothing_is_repeated_after_a_503_even_with_rotation() {
    let later = || answer("503 Later", "", "");
    let refresh = RefreshToken::new("old.r.r");
    let tenants = r#"{"tenants":[{"id":"T1"}]}"#;
    let server = Server::start(vec![later(), answer("200 OK", "", tenants)]).await;
    let client = server.client(true);
    let answer = client.my_tenants(&refresh, TenantsBody::Dct(true)).await;
    assert_eq!(answer.unwrap().len(), 1);
    assert_eq!(server.connections.load(SeqCst), 2);

    let server = Server::start(vec![later()]).await;
    let error = server
        .client(true)
        .refresh(&refresh, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
    assert_eq!(server.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_connection_to_the_next() {
    for ends_by in ["drop", "abort", "panic"] {
        let server = Server::start(vec![Act::Hang, answer("200 OK", "", GRANTED)]).await;
        let client = server.client(true);
        let caller = client.clone();
        let arrived = server.arrived();
        match ends_by {
            "drop" => tokio::select! {
                _ = select(&caller) => panic!("the server says nothing"),
                () = arrived => {}
            },
            "abort" => {
                let call = tokio::spawn(async move { select(&caller).await.map(drop) });
                arrived.await;
                call.abort();
                assert!(call.await.unwrap_err().is_cancelled());
            }
            _ => {
                let call = tokio::spawn(async move {
                    tokio::select! {
                        _ = select(&caller) => {}
                        () = arrived => panic!("the caller fails"),
                    }
                });
                assert!(call.await.unwrap_err().is_panic());
            }
        }
        select(&client).await.expect(ends_by);
        assert_eq!(server.requests().len(), 2, "{ends_by}");
    }
}
