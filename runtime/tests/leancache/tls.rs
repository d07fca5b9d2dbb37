//! Redis over TLS: the servers that the engine trusts, and its error for the others.

use hookd_runtime::{CacheConfig, RedisAddress, RedisCertificates};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::redis_server::{RedisServer, free_port};
use crate::support::TestEngine;
use crate::{TestApp, at};

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Else its name is that of the certificates, and OpenSSL takes those for self-signed.
        params.distinguished_name.push(DnType::CommonName, "authority.test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A certificate for `name`, and its key.
    fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}

/// A server that shows a certificate for `name`, on the port that is answered.
async fn secure(authority: &Authority, name: &str, more: &[&str]) -> (RedisServer, u16, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue(name);
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key, authority) =
        (file("certificate", &certificate), file("key", &key), file("authority", &authority.pem()));
    let port = free_port();
    let tls_port = port.to_string();
    let arguments = ["--tls-port", &tls_port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let arguments = [arguments.as_slice(), &["--tls-ca-cert-file", &authority], more].concat();
    (RedisServer::with(free_port(), &arguments).await, port, folder)
}

const ANY_CLIENT: [&str; 2] = ["--tls-auth-clients", "no"];

async fn at_address(url: &str, certificates: RedisCertificates) -> TestEngine {
    let cache = CacheConfig::Redis(RedisAddress::new(url, certificates).unwrap());
    TestEngine::with(|config| config.cache = cache).await
}

fn trusting(authority: &Authority) -> RedisCertificates {
    RedisCertificates { authorities: Some(authority.pem()), own: None }
}

async fn set(test: &TestEngine) -> String {
    TestApp { engine: &test.engine, app: test.app.clone() }.run("SET a 1").await
}

#[tokio::test]
async fn a_redis_whose_authority_is_trusted_is_used() {
    let authority = Authority::new();
    let (server, port, _folder) = secure(&authority, "127.0.0.1", &ANY_CLIENT).await;
    let test = at_address(&format!("rediss://127.0.0.1:{port}"), trusting(&authority)).await;
    assert_eq!(set(&test).await, "OK");
    assert_eq!(server.command("DBSIZE").await, redis::Value::Int(1), "the same server");
}

#[tokio::test]
async fn a_cluster_is_reached_over_tls_too() {
    let authority = Authority::new();
    let bus_port = free_port().to_string();
    let options = ["--tls-cluster", "yes", "--cluster-enabled", "yes", "--cluster-port", &bus_port];
    let options = [options.as_slice(), &["--cluster-announce-ip", "127.0.0.1"]].concat();
    let (server, port, _folder) = secure(&authority, "127.0.0.1", &[&ANY_CLIENT[..], &options].concat()).await;
    server.command("CLUSTER ADDSLOTSRANGE 0 16383").await;
    crate::redis_server::until_complete(&server, 1).await;
    let test = at_address(&format!("rediss-cluster://127.0.0.1:{port}"), trusting(&authority)).await;
    assert_eq!(set(&test).await, "OK");
}

#[tokio::test]
async fn a_redis_without_a_trusted_certificate_gets_nothing() {
    let authority = Authority::new();
    let (server, port, _folder) = secure(&authority, "127.0.0.1", &ANY_CLIENT).await;
    let url = format!("rediss://127.0.0.1:{port}");
    for test in [at(&url).await, at_address(&url, trusting(&Authority::new())).await] {
        assert_eq!(set(&test).await, "failed: LeanCache is not available: redis cannot be reached");
    }
    assert_eq!(server.command("DBSIZE").await, redis::Value::Int(0));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let authority = Authority::new();
    let (_server, port, _folder) = secure(&authority, "redis.test", &ANY_CLIENT).await;
    let test = at_address(&format!("rediss://127.0.0.1:{port}"), trusting(&authority)).await;
    assert!(set(&test).await.starts_with("failed"));
}

#[tokio::test]
async fn a_redis_that_asks_for_a_certificate_gets_it() {
    let authority = Authority::new();
    let (_server, port, _folder) = secure(&authority, "127.0.0.1", &[]).await;
    let url = format!("rediss://127.0.0.1:{port}");
    assert!(set(&at_address(&url, trusting(&authority)).await).await.starts_with("failed"));
    let own = Some(authority.issue("hookd.test"));
    let test = at_address(&url, RedisCertificates { own, ..trusting(&authority) }).await;
    assert_eq!(set(&test).await, "OK");
}
