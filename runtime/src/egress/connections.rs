//! The connections of each app.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;

use super::EgressConfig;
use super::addresses::AddressGuard;
use super::connector::BoundedConnector;
use super::repeatable::RecordedBody;
use super::request_class::RequestClass;
use super::resolve::{GuardedResolver, Lookups, Resolve};
use crate::clock::TlsClock;
use crate::trust::system_authorities;

/// Requests of one app in flight, and of all apps, in each class. Each holds a socket; further ones wait, within their deadlines.
const REQUESTS_OF_APP: usize = 64;
const REQUESTS_OF_ALL: usize = 1_024;
/// Idle connections that an app keeps to one host, and for how long: a hook that asks the same host at every message
/// should not shake hands each time. The time ends before that of most servers (5 s in Node), so that a request rarely
/// meets a connection that is just being closed.
const IDLE_CONNECTIONS: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(4);
/// Connections of one app, those that wait for a next request among them. A function that asks ever new hosts would
/// otherwise use up the sockets of the process.
const SOCKETS_OF_APP: usize = 2 * REQUESTS_OF_APP;
/// Servers whose TLS sessions an app remembers.
const TLS_SESSIONS: usize = 64;
/// A connection attempt ends by itself, also when the call that wanted it is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A response's head.
const MAX_HEAD_BYTES: usize = 64 << 10;

type Connector = BoundedConnector<HttpsConnector<HttpConnector<GuardedResolver>>>;
type HttpClient = Client<Connector, RecordedBody>;

/// The state that the requests of all apps share.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(super) guard: Arc<AddressGuard>,
    resolver: Arc<dyn Resolve>,
    lookups: Arc<Semaphore>,
    extra_roots: Vec<CertificateDer<'static>>,
    tls: OnceLock<ClientConfig>,
    request_permits: [Arc<Semaphore>; RequestClass::COUNT],
}

/// The connections of one app for one class of requests: none is ever used for another.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    connector: Connector,
    http: ArcSwap<HttpClient>,
    /// Makes a connection for each request.
    unpooled: HttpClient,
    pub(super) request_permits: Arc<Semaphore>,
}

impl ConnectionPool {
    /// What sends the next request.
    pub(super) fn http(&self) -> Arc<HttpClient> {
        // At most half of them are in use: the others wait for requests to their hosts, and are closed with their pool.
        if self.connector.sockets.available_permits() == 0 {
            self.http.store(Arc::new(client(self.connector.clone(), IDLE_CONNECTIONS)));
        }
        self.http.load_full()
    }

    /// The client that repeats a request after a connection that was just being closed.
    pub(super) fn unpooled(&self) -> &HttpClient {
        &self.unpooled
    }
}

/// A client that keeps so many connections to one host for later requests.
fn client(connector: Connector, idle_connections: usize) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(idle_connections)
        .http1_max_buf_size(MAX_HEAD_BYTES)
        .build(connector)
}

impl Egress {
    pub(crate) fn new(config: EgressConfig) -> Self {
        Self {
            guard: Arc::new(AddressGuard::new(config.private_networks)),
            resolver: config.resolver,
            lookups: Lookups::of_all(),
            extra_roots: config.extra_roots,
            tls: OnceLock::new(),
            request_permits: std::array::from_fn(|_| Arc::new(Semaphore::new(REQUESTS_OF_ALL))),
        }
    }

    /// Those for the requests of all apps.
    pub(super) fn request_permits(&self, class: RequestClass) -> &Arc<Semaphore> {
        class.pick(&self.request_permits)
    }

    pub(super) fn connection_pool(&self) -> ConnectionPool {
        let lookups = Lookups::new(self.lookups.clone());
        let resolver = GuardedResolver { resolver: self.resolver.clone(), lookups, guard: self.guard.clone() };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let mut tls = self.tls.get_or_init(|| self.tls_config()).clone();
        // A resumed session would show the server that it knows its client from before.
        tls.resumption = Resumption::in_memory_sessions(TLS_SESSIONS);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let sockets = Arc::new(Semaphore::new(SOCKETS_OF_APP));
        let connector = BoundedConnector { inner: connector, sockets, time: CONNECT_TIMEOUT };
        let http = ArcSwap::from_pointee(client(connector.clone(), IDLE_CONNECTIONS));
        let unpooled = client(connector.clone(), 0);
        ConnectionPool { connector, http, unpooled, request_permits: Arc::new(Semaphore::new(REQUESTS_OF_APP)) }
    }

    /// Trusts what the system trusts (or what `SSL_CERT_FILE` names), else the authorities that browsers trust.
    fn tls_config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system_authorities());
        if roots.is_empty() {
            tracing::info!("the system has no trusted certificates; functions' HTTPS requests trust the built-in ones");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots.add_parsable_certificates(self.extra_roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        #[expect(clippy::expect_used, reason = "the versions of TLS are those of the provider itself")]
        let config = ClientConfig::builder_with_details(provider, Arc::new(TlsClock))
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default versions");
        config.with_root_certificates(roots).with_no_client_auth()
    }
}
