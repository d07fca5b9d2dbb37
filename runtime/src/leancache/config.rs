//! Which Redis, if any.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};
use thiserror::Error;

/// Memory of one app in the embedded store.
const DEFAULT_BYTES_PER_APP: usize = 16 << 20;

/// Where LeanCache keeps its data.
#[derive(Clone, Debug)]
pub enum CacheConfig {
    /// In this process; empty again after a restart.
    Embedded {
        /// How much one app may keep, in bytes; beyond it, commands that add data are answered with an error.
        bytes_per_app: usize,
    },
    /// In Redis.
    Redis(RedisAddress),
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self::Embedded { bytes_per_app: DEFAULT_BYTES_PER_APP }
    }
}

/// One server, or nodes of a cluster. Holds the password: `Debug` shows none.
#[derive(Clone)]
pub struct RedisAddress {
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) is_cluster: bool,
}

impl RedisAddress {
    /// How to connect, for others that use the same Redis.
    pub fn nodes(&self) -> &[ConnectionInfo] {
        &self.nodes
    }

    /// True for nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.is_cluster
    }
}

/// A text that names no Redis. Repeats no password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the Redis URL cannot be used: {problem}; expected `redis://[user:password@]host:port[/database]`, or \
         `redis-cluster://[user:password@]host:port,host:port` for a cluster"
)]
pub struct InvalidRedisUrl {
    problem: String,
}

impl CacheConfig {
    /// Redis at `url`: `redis://…` for one server, `redis-cluster://host:port,host:port` or several `redis://` URLs with
    /// commas between them for nodes of a cluster, from which the others are learnt. Nothing is connected yet.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn redis(url: &str) -> Result<Self, InvalidRedisUrl> {
        let invalid = |problem: &str| InvalidRedisUrl { problem: problem.to_owned() };
        let urls: Vec<String> = match url.trim().strip_prefix("redis-cluster://") {
            Some(rest) => {
                let (credentials, hosts) = match rest.rsplit_once('@') {
                    Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
                    None => (String::new(), rest),
                };
                hosts.split(',').map(|host| format!("redis://{credentials}{}", host.trim())).collect()
            }
            None => url.split(',').map(|url| url.trim().to_owned()).collect(),
        };
        let is_cluster = urls.len() > 1 || url.trim().starts_with("redis-cluster://");
        let mut nodes = Vec::new();
        for url in urls {
            let node = url.into_connection_info().map_err(|error| invalid(error.category()))?;
            if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) {
                return Err(invalid("this build has no TLS; put a TLS proxy such as stunnel before Redis"));
            }
            if is_cluster && node.redis_settings().db() != 0 {
                return Err(invalid("a cluster has no numbered databases"));
            }
            // Both have the same commands; with the older one all replies have one shape.
            let settings = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
            nodes.push(node.set_redis_settings(settings));
        }
        Ok(Self::Redis(RedisAddress { nodes, is_cluster }))
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.addr().to_string()).collect();
        f.write_str(&nodes.join(", "))
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> RedisAddress {
        match CacheConfig::redis(url) {
            Ok(CacheConfig::Redis(address)) => address,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn one_server_and_clusters_are_told_apart() {
        assert!(!address("redis://127.0.0.1:6379/2").is_cluster);
        for url in ["redis-cluster://a:1,b:2", "redis://a:1, redis://b:2"] {
            let address = address(url);
            assert!(address.is_cluster, "{url}");
            assert_eq!(address.to_string(), "a:1, b:2");
        }
        assert!(address("redis-cluster://a:1").is_cluster);
    }

    #[test]
    fn credentials_reach_every_node_and_no_output() {
        let address = address("redis-cluster://app:se@cret@a:1,b:2");
        assert_eq!(address.nodes.len(), 2);
        for node in &address.nodes {
            assert_eq!(node.redis_settings().username(), Some("app"));
        }
        assert!(!format!("{:?} {address}", CacheConfig::Redis(address.clone())).contains("cret"));
    }

    #[test]
    fn what_is_no_redis_url_is_refused_without_repeating_it() {
        for url in
            ["", "localhost:6379", "http://user:secret@host/", "rediss://:secret@host:1", "redis-cluster://a:1/3"]
        {
            let error = CacheConfig::redis(url).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("redis://") && !error.contains("secret"), "{url}: {error}");
        }
    }
}
