//! A cluster of three nodes.

use std::time::Duration;

use tower_descope::internals::shared::Probe;
use tower_descope_fleet::{PROJECT, Redis, until};

use crate::{all_hold, contract, settings};

/// Three nodes, each with a third of the slots.
fn cluster() -> Vec<Redis> {
    let node = || Redis::with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]);
    let nodes: Vec<Redis> = (0..3).map(|_| node()).collect();
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (node, (first, last)) in nodes.iter().zip(slots) {
        node.cli(&["cluster", "addslotsrange", first, last]);
    }
    let first = nodes.first().unwrap().port().to_string();
    for (node, epoch) in nodes.iter().zip(["1", "2", "3"]) {
        node.cli(&["cluster", "set-config-epoch", epoch]);
    }
    for node in nodes.iter().skip(1) {
        node.cli(&["cluster", "meet", "127.0.0.1", &first]);
    }
    until("the cluster is up", || {
        let up = |node: &Redis| {
            let info = node.cli(&["cluster", "info"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        nodes.iter().all(up)
    });
    nodes
}

fn probe(node: &Redis) -> Probe {
    let settings = settings(&node.url()).cluster(true);
    Probe::new(&settings, PROJECT).unwrap()
}

fn keys(node: &Redis) -> usize {
    node.cli(&["dbsize"]).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_passes_all_checks_from_any_of_its_nodes() {
    let nodes = cluster();
    let ports: Vec<u16> = nodes.iter().map(Redis::port).collect();
    for node in nodes.iter().skip(1) {
        let settings = settings(&node.url()).cluster(true);
        contract::all_checks(&settings, &ports).await;
    }
}

#[tokio::test]
async fn records_are_spread_and_each_part_is_born_by_the_tick() {
    let nodes = cluster();
    let probe = probe(&nodes[0]);
    for part in 0..16 {
        assert_eq!(probe.make("claim", part << 4).await.unwrap(), "Own");
    }
    let claims: usize = nodes.iter().map(keys).sum();
    assert_eq!(claims, 16);
    assert!(nodes.iter().all(|node| keys(node) > 0));
    let first = probe.make("tick", 0).await.unwrap();
    let births: usize = nodes.iter().map(keys).sum();
    assert_eq!(births, 32);
    // A node that lost its memory is a loss, whichever parts it had.
    for node in &nodes {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let before = probe.make("tick", 0).await.unwrap();
        node.cli(&["flushall"]);
        let after = probe.make("tick", 0).await.unwrap();
        let born = |told: &str| told.split(&[':', ','][..]).nth(1).unwrap().to_owned();
        assert_ne!(born(&before), born(&after), "{first}");
    }
}

#[tokio::test]
async fn a_part_is_followed_to_its_new_node_once_it_is_there() {
    let nodes = cluster();
    let probe = probe(&nodes[0]);
    probe.make("claim", 0).await.unwrap();
    // The tag `{0}` has slot 13907, of the third node.
    let slot = nodes[0].cli(&["cluster", "keyslot", "{0}"]);
    let id = |node: &Redis| node.cli(&["cluster", "myid"]);
    let (from, to) = (&nodes[2], &nodes[1]);
    assert_eq!(from.cli(&["cluster", "countkeysinslot", &slot]), "1");
    to.cli(&["cluster", "setslot", &slot, "importing", &id(from)]);
    from.cli(&["cluster", "setslot", &slot, "migrating", &id(to)]);
    // Some keys of a record are always missing, and nobody can say where these are.
    let failed = probe.make("claim", 1).await.unwrap_err();
    assert_eq!(failed.kind, "unreachable", "{failed}");
    let key = format!("ds1:{PROJECT}:{{0}}:c:{}", "00".repeat(16));
    from.cli(&[
        "migrate",
        "127.0.0.1",
        &to.port().to_string(),
        &key,
        "0",
        "5000",
    ]);
    for node in [to, from, &nodes[0]] {
        node.cli(&["cluster", "setslot", &slot, "node", &id(to)]);
    }
    let told = probe.make("claim", 0).await.unwrap();
    assert!(told.contains("Busy"), "{told}");
    assert_eq!(probe.make("claim", 1).await.unwrap(), "Own");
    assert_eq!(to.cli(&["cluster", "countkeysinslot", &slot]), "2");
    all_hold(&self::probe(to)).await;
}

#[tokio::test]
async fn a_node_that_is_away_takes_its_parts_along_and_no_others() {
    let mut nodes = cluster();
    let settings = settings(&nodes[0].url())
        .cluster(true)
        .response_timeout(Duration::from_millis(500));
    let probe = Probe::new(&settings, PROJECT).unwrap();
    for node in &nodes {
        node.cli(&["config", "set", "cluster-require-full-coverage", "no"]);
    }
    for part in 0..16 {
        probe.make("claim", part << 4).await.unwrap();
    }
    nodes[0].kill();
    let mut away = 0;
    for round in 0..3 {
        away = 0;
        for part in 0..16 {
            match probe.make("look", part << 4).await {
                Ok(told) => assert!(told.contains("Busy"), "{told}"),
                Err(failed) => {
                    assert_eq!(failed.kind, "unreachable", "{round}: {failed}");
                    away += 1;
                }
            }
        }
    }
    assert!((1..16).contains(&away), "{away}");
    nodes[0].start_again();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // It comes back without its memory, and with its slots.
    until("the node is back", || {
        nodes[0]
            .cli(&["cluster", "info"])
            .contains("cluster_state:ok")
    });
    let mut there = 0;
    for _ in 0..4 {
        there = 0;
        for part in 0..16 {
            there += usize::from(probe.make("look", part << 4).await.is_ok());
        }
    }
    assert_eq!(there, 16);
}
