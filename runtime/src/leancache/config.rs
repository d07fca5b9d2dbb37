//! Which Redis, if any.

use std::fmt;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, TlsCertificates};

use super::invalid_redis::InvalidRedis;
use super::tls::RedisCertificates;

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
    /// Of `rediss://`.
    pub(super) certificates: Option<TlsCertificates>,
}

impl RedisAddress {
    /// How to connect, for others that use the same Redis; certificates included.
    pub fn nodes(&self) -> &[ConnectionInfo] {
        &self.nodes
    }

    /// True for nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// For nodes of a cluster that are learnt later; `None` without TLS.
    pub fn certificates(&self) -> Option<&TlsCertificates> {
        self.certificates.as_ref()
    }
}

impl CacheConfig {
    /// Redis at `url`: `redis://…` for one server, `redis-cluster://host:port,host:port` or several `redis://` URLs with
    /// commas between them for nodes of a cluster, from which the others are learnt; `rediss://…` and `rediss-cluster://…`
    /// for TLS. Nothing is connected yet.
    ///
    /// # Errors
    /// When the text is not such a URL.
    pub fn redis(url: &str) -> Result<Self, InvalidRedis> {
        RedisAddress::new(url, RedisCertificates::default()).map(Self::Redis)
    }
}

impl RedisAddress {
    /// Redis at `url`, which is as [`CacheConfig::redis`] takes it, with certificates for TLS. Reads the system's when none
    /// are given.
    ///
    /// # Errors
    /// When the text is not such a URL, or a certificate cannot be read.
    pub fn new(url: &str, certificates: RedisCertificates) -> Result<Self, InvalidRedis> {
        let invalid = |problem: &str| InvalidRedis::Url(problem.to_owned());
        let urls = urls(url.trim());
        let is_cluster = urls.len() > 1 || url.contains("-cluster://");
        let mut nodes = Vec::new();
        for url in urls {
            let node = url.into_connection_info().map_err(|error| invalid(error.category()))?;
            if is_cluster && node.redis_settings().db() != 0 {
                return Err(invalid("a cluster has no numbered databases"));
            }
            if matches!(node.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
                return Err(invalid(
                    "certificates are always checked; `--redis-ca-file` names an authority of your own",
                ));
            }
            // Both have the same commands; with the older one all replies have one shape.
            let settings = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
            nodes.push(node.set_redis_settings(settings));
        }
        let secure = nodes.iter().filter(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. })).count();
        if secure == 0 {
            let refused = (!certificates.is_default()).then_some(InvalidRedis::CertificatesWithoutTls);
            return refused.map_or(Ok(Self { nodes, is_cluster, certificates: None }), Err);
        }
        if secure < nodes.len() {
            return Err(invalid("either all nodes are reached over TLS or none"));
        }
        let certificates = certificates.checked()?;
        let with_certificates = nodes.into_iter().map(|node| {
            let client = Client::build_with_tls(node, certificates.clone());
            client.map(|client| client.get_connection_info().clone()).map_err(|error| invalid(&error.to_string()))
        });
        let nodes = with_certificates.collect::<Result<_, _>>()?;
        Ok(Self { nodes, is_cluster, certificates: Some(certificates) })
    }
}

/// One URL for each node.
fn urls(url: &str) -> Vec<String> {
    for (cluster, single) in [("redis-cluster://", "redis://"), ("rediss-cluster://", "rediss://")] {
        if let Some(rest) = url.strip_prefix(cluster) {
            let (credentials, hosts) = match rest.rsplit_once('@') {
                Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
                None => (String::new(), rest),
            };
            return hosts.split(',').map(|host| format!("{single}{credentials}{}", host.trim())).collect();
        }
    }
    url.split(',').map(|url| url.trim().to_owned()).collect()
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
    fn one_server_and_clusters_are_distinguished() {
        assert!(!address("redis://127.0.0.1:6379/2").is_cluster);
        for url in ["redis-cluster://a:1,b:2", "redis://a:1, redis://b:2"] {
            let address = address(url);
            assert!(address.is_cluster, "{url}");
            assert_eq!(address.to_string(), "a:1, b:2");
        }
        assert!(address("redis-cluster://a:1").is_cluster);
    }

    #[test]
    fn tls_is_for_all_nodes_or_none() {
        assert!(address("rediss://127.0.0.1:6379").certificates.is_some());
        let cluster = address("rediss-cluster://:secret@a:1,b:2");
        assert!(cluster.is_cluster && cluster.nodes.len() == 2);
        assert!(cluster.nodes.iter().all(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. })));
        assert!(CacheConfig::redis("rediss://a:1,redis://b:2").is_err());
        let certificates = RedisCertificates { authorities: Some(Vec::new()), own: None };
        let refused = RedisAddress::new("redis://a:1", certificates).map(|_| ()).unwrap_err();
        assert_eq!(refused, InvalidRedis::CertificatesWithoutTls);
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
    fn a_text_that_is_no_redis_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "localhost:6379",
            "http://user:secret@host/",
            "rediss://:secret@host:1/#insecure",
            "redis-cluster://a:1/3",
        ] {
            let error = CacheConfig::redis(url).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("redis://") && !error.contains("secret"), "{url}: {error}");
        }
    }
}
