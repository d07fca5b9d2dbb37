//! A Redis Cluster of three masters that share the slots.

use std::time::{Duration, Instant};

use redis::{ConnectionInfo, Value};

use crate::redis_server::RedisServer;

const START_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn start() -> Self {
        let nodes: Vec<RedisServer> = (0..3).map(|_| RedisServer::start_as_cluster_node()).collect();
        for (node, (range, epoch)) in nodes.iter().zip([("0 5460", 1), ("5461 10922", 2), ("10923 16383", 3)]) {
            node.command(&format!("CLUSTER ADDSLOTSRANGE {range}"));
            node.command(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
        }
        for node in &nodes[1..] {
            nodes[0].command(&format!("CLUSTER MEET 127.0.0.1 {} {}", node.port(), node.bus_port()));
        }
        let started = Instant::now();
        while !nodes.iter().all(is_complete) {
            assert!(started.elapsed() < START_DEADLINE, "the cluster does not come together");
            std::thread::sleep(POLL);
        }
        Self { nodes }
    }

    /// One node is enough to learn of the others.
    pub fn addresses(&self) -> Vec<ConnectionInfo> {
        vec![self.nodes[0].address()]
    }

    /// Throws all data away.
    pub fn flush(&self) {
        self.nodes.iter().for_each(|node| drop(node.command("FLUSHALL")));
    }

    /// Keys on each node.
    pub fn sizes(&self) -> Vec<i64> {
        let size = |node: &RedisServer| match node.command("DBSIZE") {
            Value::Int(size) => size,
            other => panic!("not a number: {other:?}"),
        };
        self.nodes.iter().map(size).collect()
    }
}

fn is_complete(node: &RedisServer) -> bool {
    let info = format!("{:?}", node.command("CLUSTER INFO"));
    info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
}
