//! A Descope whose certificate is not to be trusted, that speaks no TLS, or that has no address.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};
use tower_descope::{
    AccessKeys, Descope, DescopeBuilder,
    jwks::KeyCache,
    test_util::{FakeDescope, TestClock},
};

use super::{
    all,
    doors::{Caller, Door, fake},
    hostile::{Act, Hostile},
    rows::Comes,
};
use crate::support::{advance, app, token, verdict, with_bearer};

/// No handshake may take longer, whatever else the machine does.
const BOUND: Duration = Duration::from_secs(20);

/// Certificates of one authority, which the service under test trusts.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a server shows.
struct Shown {
    chain: Vec<Vec<u8>>,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for this name, from this year to that.
    fn issue(&self, name: &str, from: i32, to: i32) -> Shown {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown {
            chain: vec![certificate.der().to_vec()],
            key,
        }
    }
}

fn self_signed(name: &str) -> Shown {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    Shown {
        chain: vec![params.self_signed(&key).unwrap().der().to_vec()],
        key,
    }
}

/// A server that passes what it decrypts on to the fake.
struct Tls {
    address: SocketAddr,
    /// Handshakes that were completed.
    trusted: Arc<AtomicUsize>,
}

impl Tls {
    async fn start(upstream: SocketAddr, shown: Shown) -> Self {
        Self::start_slow(upstream, shown, Duration::ZERO).await
    }

    /// Begins each handshake only after so long.
    async fn start_slow(upstream: SocketAddr, shown: Shown, after: Duration) -> Self {
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let chain = shown.chain.into_iter().map(Into::into).collect();
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let trusted = Arc::<AtomicUsize>::default();
        let count = trusted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), count.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let mut stream = acceptor.accept(stream).await?;
                    count.fetch_add(1, SeqCst);
                    let mut upstream = TcpStream::connect(upstream).await?;
                    copy_bidirectional(&mut stream, &mut upstream).await?;
                    io::Result::Ok(())
                });
            }
        });
        Self { address, trusted }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }
}

fn builder(fake: &FakeDescope, url: &str, clock: &TestClock) -> DescopeBuilder {
    let builder = fake.descope_builder().base_url(url).clock(clock.clone());
    builder.access_keys(AccessKeys::new().key_prefix("K2"))
}

/// Keys cannot be had from there, and no call comes to anything but an outage.
async fn is_an_outage(fake: &FakeDescope, url: &str, root: Option<&str>, what: &str) {
    let clock = TestClock::at(fake.clock().now());
    let with_root = |builder: DescopeBuilder| match root {
        Some(pem) => builder.root_certificate(pem),
        None => builder,
    };
    let descope = with_root(builder(fake, url, &clock)).build().unwrap();
    let (app, token) = (app(&descope), token(fake));
    let answer = timeout(BOUND, with_bearer(&app, &token)).await.expect(what);
    assert_eq!(answer.status(), 503, "{what}");
    let status = descope.key_status();
    let reason = status.last_failure().expect(what).reason();
    assert_eq!(reason, "the source failed", "{what}");

    let known = fake.jwks()["keys"][0].to_string();
    let descope = with_root(builder(fake, url, &clock).public_key(known));
    let descope = descope.build().unwrap();
    for door in Door::ALL {
        let seen = timeout(BOUND, Caller::new(fake, door).call(&descope)).await;
        let seen = seen.unwrap_or_else(|_| panic!("{what}, {door:?}"));
        let told = (seen.status, &*seen.code);
        assert_eq!(told, door.told(Comes::Broken), "{what}, {door:?}");
        assert!(
            seen.cookies.is_empty() || door.signs_out(),
            "{what}, {door:?}"
        );
    }
}

/// Keys and calls: all well.
async fn is_well(fake: &FakeDescope, descope: &Descope, what: &str) {
    let served = verdict(&app(descope), &token(fake)).await;
    assert_eq!(served, "U1@T1", "{what}");
    for door in Door::ALL {
        // Early renewals come to something only once the session is over.
        if door != Door::RenewEarly {
            let caller = Caller::new(fake, door);
            let seen = caller.call(descope).await;
            assert!(caller.is_content_with(&seen), "{what}, {door:?}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_taken_from_a_server_whose_certificate_is_not_right() {
    let fake = fake().start().await;
    let authority = Authority::new();
    let pem = authority.pem();
    let stranger = Authority::new();
    let good = || authority.issue("localhost", 2_000, 2_100);

    // With the right one all is well, so that the others fail for what is wrong with them.
    let tls = Tls::start(fake.address(), good()).await;
    let clock = TestClock::at(fake.clock().now());
    let descope = builder(&fake, &tls.url("localhost"), &clock);
    let descope = descope.root_certificate(pem.clone()).build().unwrap();
    is_well(&fake, &descope, "the right certificate").await;

    let cases = [
        ("self-signed", self_signed("localhost"), true, "localhost"),
        (
            "of another authority",
            stranger.issue("localhost", 2_000, 2_100),
            true,
            "localhost",
        ),
        (
            "for another name",
            authority.issue("api.descope.example", 2_000, 2_100),
            true,
            "localhost",
        ),
        ("for a name, not for the address", good(), true, "127.0.0.1"),
        (
            "that has expired",
            authority.issue("localhost", 2_000, 2_020),
            true,
            "localhost",
        ),
        (
            "that is not valid yet",
            authority.issue("localhost", 2_090, 2_100),
            true,
            "localhost",
        ),
        ("that nobody was told to trust", good(), false, "localhost"),
    ];
    let cases = cases.map(|(what, shown, trust, host)| {
        let (fake, pem) = (fake.clone(), pem.clone());
        async move {
            let tls = Tls::start(fake.address(), shown).await;
            let root = trust.then_some(&*pem);
            is_an_outage(&fake, &tls.url(host), root, what).await;
            let trusted = tls.trusted.load(SeqCst);
            assert_eq!(trusted, 0, "{what}: not a byte was sent to it");
        }
    });
    let before = fake.requests().len();
    all(cases, drop).await;
    assert_eq!(fake.requests().len(), before);
}

#[tokio::test]
async fn tls_that_breaks_off_or_is_none_is_an_outage() {
    let fake = fake().start().await;
    // A whole ServerHello would be no better: each of these ends the handshake.
    let alert = Act::Send(vec![21, 3, 3, 0, 2, 2, 40].into());
    let garbage = Act::Send(vec![0x16; 4_096].into());
    let http = Act::Send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".into());
    let cases = [
        ("closed in the handshake", vec![]),
        ("reset in the handshake", vec![Act::Reset]),
        ("an alert", vec![alert]),
        ("garbage", vec![garbage]),
        ("plain HTTP", vec![http]),
    ];
    let cases = cases.map(|(what, script)| {
        let fake = fake.clone();
        async move {
            let hostile = Hostile::trap();
            hostile.play(script);
            let url = hostile.url().replace("http", "https");
            is_an_outage(&fake, &url, None, what).await;
        }
    });
    all(cases, drop).await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_in_time() {
    let fake = fake().start().await;
    let hostile = Hostile::trap();
    hostile.play(vec![Act::Wait]);
    let url = hostile.url().replace("http", "https");
    let clock = TestClock::at(fake.clock().now());
    let short = Duration::from_millis(400);
    let known = fake.jwks()["keys"][0].to_string();
    let keys = builder(&fake, &url, &clock).key_cache(KeyCache::new().fetch_deadline(short));
    let calls = builder(&fake, &url, &clock).timeout(short);
    let keys = keys.build().unwrap();
    let calls = calls.public_key(known).build().unwrap();
    let answer = timeout(BOUND, verdict(&app(&keys), &token(&fake))).await;
    assert_eq!(answer.unwrap(), "keys_unavailable");
    let seen = timeout(BOUND, Caller::new(&fake, Door::Select).call(&calls)).await;
    let seen = seen.unwrap();
    assert_eq!((seen.status, &*seen.code), (504, "upstream_timeout"));
}

/// Three seconds and a half, as over a satellite or through a proxy that inspects.
#[tokio::test]
async fn a_slow_handshake_has_as_long_as_the_call_has() {
    let fake = fake().start().await;
    let authority = Authority::new();
    let shown = authority.issue("localhost", 2_000, 2_100);
    let tls = Tls::start_slow(fake.address(), shown, Duration::from_millis(3_500)).await;
    let clock = TestClock::at(fake.clock().now());
    let long = Duration::from_secs(30);
    let slow = || {
        builder(&fake, &tls.url("localhost"), &clock)
            .root_certificate(authority.pem())
            .timeout(long)
            .key_cache(KeyCache::new().fetch_deadline(long))
    };
    let descope = slow().build().unwrap();
    let known = fake.jwks()["keys"][0].to_string();
    let calls = slow().public_key(known).build().unwrap();
    let caller = Caller::new(&fake, Door::Select);
    let (warm, seen) = tokio::join!(descope.warm_up(), caller.call(&calls));
    warm.unwrap();
    assert!(caller.is_content_with(&seen), "{seen:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_an_outage() {
    let fake = fake().start().await;
    // RFC 6761: there is no such name, and never will be.
    let url = "https://descope.invalid";
    let clock = TestClock::at(fake.clock().now());
    let descope = builder(&fake, url, &clock).build().unwrap();
    let app = app(&descope);
    let answer = timeout(BOUND, verdict(&app, &token(&fake))).await;
    assert_eq!(answer.unwrap(), "keys_unavailable");
    advance(&clock, 67).await;
    let answer = timeout(BOUND, verdict(&app, &token(&fake))).await;
    assert_eq!(answer.unwrap(), "keys_unavailable");

    let known = fake.jwks()["keys"][0].to_string();
    let descope = builder(&fake, url, &clock).public_key(known);
    let descope = descope.build().unwrap();
    for door in [Door::Select, Door::Refresh, Door::Renew, Door::Exchange] {
        let seen = timeout(BOUND, Caller::new(&fake, door).call(&descope)).await;
        let seen = seen.unwrap();
        let told = (seen.status, &*seen.code);
        // A resolver may also be silent about it.
        let expected = [door.told(Comes::Broken), door.told(Comes::Late)];
        assert!(expected.contains(&told), "{door:?}: {told:?}");
        assert!(seen.cookies.is_empty(), "{door:?}");
    }
}
