//! What every proxy is promised, tried with each of them: `allowed::nginx::…`, and so on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what cannot go on ends, with a message"
)]

mod allowed;
mod bodies;
mod channels;
mod direct;
mod numbered;
mod outages;
mod refused;
mod renewed;
mod spoofed;
mod upgrades;

use tower_descope_proxies::{Kind, Setup, World};

/// The program of `examples/forward_auth.rs`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_forward_auth");

/// Makes of each function a test for each proxy, in a module with the proxy's name.
macro_rules! at_each_proxy {
    ($($sentence:ident),* $(,)?) => {
        $crate::at_each_proxy!(nginx Nginx: $($sentence),*);
        $crate::at_each_proxy!(haproxy Haproxy: $($sentence),*);
        $crate::at_each_proxy!(caddy Caddy: $($sentence),*);
        $crate::at_each_proxy!(envoy Envoy: $($sentence),*);
    };
    ($name:ident $kind:ident: $($sentence:ident),*) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $sentence() {
                    super::$sentence(tower_descope_proxies::Kind::$kind).await;
                }
            )*
        }
    };
}
use at_each_proxy;

fn setup(kind: Kind) -> Setup<'static> {
    Setup::new(kind, PROGRAM)
}

async fn world(kind: Kind) -> World {
    setup(kind).start().await
}
