//! What each store keeps to, on a real server.

use std::sync::Arc;

use tokio::task::JoinSet;
use tower_descope::{
    RedisSettings,
    internals::shared::{CHECKS, Forget, run_check},
};
use tower_descope_fleet::{Redis, cli};

use crate::settings;

/// Deletes the keys of a project, on all of these servers.
pub(crate) fn forget(ports: &[u16], project: &str) -> Forget {
    let (ports, project) = (ports.to_vec(), project.to_owned());
    Box::new(move || {
        let (ports, project) = (ports.clone(), project.clone());
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                for port in ports {
                    let keys = cli(port, &["--scan", "--pattern", &format!("ds1:{project}:*")]);
                    for key in keys.lines() {
                        cli(port, &["del", key]);
                    }
                }
            });
            work.await.unwrap();
        })
    })
}

/// Runs all checks at once, each as a project of its own.
pub(crate) async fn all_checks(settings: &RedisSettings, ports: &[u16]) {
    let (settings, ports) = (Arc::new(settings.clone()), ports.to_vec());
    let mut running = JoinSet::new();
    for (number, &name) in CHECKS.iter().enumerate() {
        let (settings, ports) = (Arc::clone(&settings), ports.clone());
        running.spawn(async move {
            let project = format!("P2check{number}x");
            forget(&ports, &project)().await;
            run_check(name, &settings, &project, forget(&ports, &project)).await;
            name
        });
    }
    let mut passed = Vec::new();
    while let Some(ended) = running.join_next().await {
        // A check that fails has said so on its own thread.
        passed.extend(ended.ok());
    }
    let failed: Vec<_> = CHECKS
        .iter()
        .filter(|name| !passed.contains(name))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_passes_all_checks() {
    let redis = Redis::start();
    all_checks(&settings(&redis.url()), &[redis.port()]).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_behind_a_unix_socket_passes_all_checks() {
    let redis = Redis::with(&["--unixsocket", "redis.sock"]);
    let socket = redis.folder().join("redis.sock");
    let url = format!("unix://{}", socket.display());
    all_checks(&settings(&url), &[redis.port()]).await;
}
