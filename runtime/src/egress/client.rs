//! The connections of each app.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::WasiBody;

use super::EgressConfig;
use super::addresses::AddressGuard;
use super::resolve::{GuardedResolver, Resolve};

/// Requests of one app in flight, and of all apps. Each holds a socket; further ones wait, within their deadlines.
const REQUESTS_OF_APP: usize = 64;
const REQUESTS_OF_ALL: usize = 256;
/// Idle connections that an app keeps to one host, and for how long: a hook that asks the same host at every message
/// should not shake hands each time.
const IDLE_CONNECTIONS: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(30);
/// A connection attempt ends by itself, also when the call that wanted it is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A response's head.
const MAX_HEAD_BYTES: usize = 64 << 10;

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector<GuardedResolver>>, WasiBody>;

/// What the requests of all apps share.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(super) guard: Arc<AddressGuard>,
    resolver: Arc<dyn Resolve>,
    extra_roots: Vec<CertificateDer<'static>>,
    tls: OnceLock<ClientConfig>,
    pub(super) places: Arc<Semaphore>,
}

/// The connections of one app: none is ever used for another.
#[derive(Debug)]
pub(crate) struct AppClient {
    pub(super) http: HttpClient,
    pub(super) places: Arc<Semaphore>,
}

impl Egress {
    pub(crate) fn new(config: EgressConfig) -> Self {
        Self {
            guard: Arc::new(AddressGuard::new(config.private_networks)),
            resolver: config.resolver,
            extra_roots: config.extra_roots,
            tls: OnceLock::new(),
            places: Arc::new(Semaphore::new(REQUESTS_OF_ALL)),
        }
    }

    pub(crate) fn client(&self) -> AppClient {
        let resolver = GuardedResolver { resolver: self.resolver.clone(), guard: self.guard.clone() };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.get_or_init(|| self.tls_config()).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        AppClient { http, places: Arc::new(Semaphore::new(REQUESTS_OF_APP)) }
    }

    /// Trusts what the system trusts (or what `SSL_CERT_FILE` names), else the authorities that browsers trust.
    fn tls_config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        if !system.errors.is_empty() {
            let error = io::Error::other(format!("{:?}", system.errors));
            tracing::warn!(%error, "some of the system's trusted certificates cannot be read");
        }
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            tracing::info!("the system has no trusted certificates; functions' HTTPS requests trust the built-in ones");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots.add_parsable_certificates(self.extra_roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        #[expect(clippy::expect_used, reason = "the versions of TLS are those of the provider itself")]
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default versions");
        config.with_root_certificates(roots).with_no_client_auth()
    }
}
