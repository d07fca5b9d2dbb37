//! Where an engine listens, and the connections to it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hookd_http_client::Watched;
use http::Uri;
use http::uri::Authority;
use http_body_util::Full;
use hyper::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;
use tower::Service;

use super::engine_addresses::{AddressCheck, CheckedResolver, ProhibitedAddress, allowed, literal};

/// Bounds the connecting only; every call has a deadline around it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Idle connections are closed before LeanEngine's load balancers and Node (5 s by default) close them, so that a call
/// rarely meets a connection that is just being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// Before the path of a Unix socket.
const UNIX: &str = "unix:";

/// Why an engine address cannot be used.
#[derive(Debug, Error)]
pub enum EngineUrlError {
    /// Not a URL.
    #[error("engine address `{url}` is not a URL")]
    Malformed {
        /// As given.
        url: String,
        /// The fault.
        #[source]
        source: http::uri::InvalidUri,
    },
    /// Something else than `http://host[:port]`.
    #[error("engine address `{0}` is not of the form `http://host:port`")]
    NotPlainHttp(String),
    /// A Unix socket without a path from the root.
    #[error("engine address `{0}` is not of the form `unix:/path/to/socket`")]
    NotASocketPath(String),
    /// A name without an address.
    #[error("the name `{host}` cannot be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// The system's text.
        reason: String,
    },
    /// The owner of an app may not name it.
    #[error("{0}; the operator can set it with the admin key, or open its network with `--allow-private-egress`")]
    Prohibited(ProhibitedAddress),
}

/// Where an engine listens: `http://host:port`, or `unix:/path/to/socket`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineAddress {
    /// TCP, without encryption.
    Tcp(Authority),
    /// A Unix socket on this machine.
    Socket(PathBuf),
}

impl EngineAddress {
    /// An address over TCP, and nothing else: the owner of an app may name one, but must not reach the sockets of
    /// the machine.
    ///
    /// # Errors
    /// [`EngineUrlError`].
    pub fn over_tcp(url: &str) -> Result<Self, EngineUrlError> {
        let malformed = |source| EngineUrlError::Malformed { url: url.to_owned(), source };
        let uri: Uri = url.parse().map_err(malformed)?;
        match (uri.scheme_str(), uri.authority(), uri.path()) {
            (Some("http"), Some(authority), "/") if !authority.as_str().contains('@') => {
                Ok(Self::Tcp(authority.clone()))
            }
            _ => Err(EngineUrlError::NotPlainHttp(url.to_owned())),
        }
    }

    /// The part before the path in the URI of a request.
    pub fn base(&self) -> String {
        match self {
            Self::Tcp(authority) => format!("http://{authority}"),
            // The connector knows where to go; a host is named because HTTP wants one.
            Self::Socket(_) => "http://engine".to_owned(),
        }
    }

    /// A client whose connections go there, are kept alive and shared, and are opened again when they break.
    pub fn client<B>(&self) -> Client<EngineConnector, B>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.client_with(None)
    }

    /// The same, which connects only to addresses that pass the `check`.
    pub(super) fn client_with<B>(&self, check: Option<Arc<dyn AddressCheck>>) -> Client<EngineConnector, B>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(EngineConnector::new(self.clone(), check))
    }

    /// A client that makes a connection for each request: for a request on a connection that was just being closed.
    /// Connects only to addresses that pass the `check`, too.
    pub(super) fn client_without_pool<B>(&self, check: Option<Arc<dyn AddressCheck>>) -> Client<EngineConnector, B>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(EngineConnector::new(self.clone(), check))
    }
}

impl FromStr for EngineAddress {
    type Err = EngineUrlError;

    fn from_str(address: &str) -> Result<Self, EngineUrlError> {
        match address.strip_prefix(UNIX) {
            Some(path) if path.starts_with('/') => Ok(Self::Socket(path.into())),
            Some(_) => Err(EngineUrlError::NotASocketPath(address.to_owned())),
            None => Self::over_tcp(address),
        }
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(formatter, "http://{authority}"),
            Self::Socket(path) => write!(formatter, "{UNIX}{}", path.display()),
        }
    }
}

/// Connects to one engine for every host that a request names.
#[derive(Clone)]
pub struct EngineConnector {
    address: EngineAddress,
    tcp: HttpConnector<CheckedResolver>,
    check: Option<Arc<dyn AddressCheck>>,
}

impl EngineConnector {
    fn new(address: EngineAddress, check: Option<Arc<dyn AddressCheck>>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(CheckedResolver::new(check.clone()));
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { address, tcp, check }
    }

    /// Of an address in the place of a name; names are the resolver's.
    fn check_literal(&self, uri: &Uri) -> Result<(), ProhibitedAddress> {
        match (&self.check, uri.host(), uri.host().and_then(literal)) {
            (Some(check), Some(host), Some(address)) => allowed(&**check, host, [address]),
            _ => Ok(()),
        }
    }
}

impl Service<Uri> for EngineConnector {
    type Response = EngineStream;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<EngineStream, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match &self.address {
            EngineAddress::Tcp(_) => {
                if let Err(prohibited) = self.check_literal(&uri) {
                    return Box::pin(async move { Err(prohibited.into()) });
                }
                let connecting = self.tcp.call(uri);
                Box::pin(async move { Ok(stream(Either::Left(connecting.await?.into_inner()))) })
            }
            EngineAddress::Socket(path) => {
                let path = path.clone();
                Box::pin(async move {
                    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, UnixStream::connect(path));
                    Ok(stream(Either::Right(connecting.await??)))
                })
            }
        }
    }
}

/// A connection to an engine.
pub type EngineStream = TokioIo<Watched<Either<TcpStream, UnixStream>>>;

fn stream(stream: Either<TcpStream, UnixStream>) -> EngineStream {
    TokioIo::new(Watched::new(stream))
}

/// The client of hook calls: their bodies are in memory.
pub(super) type CallClient = Client<EngineConnector, Full<bytes::Bytes>>;

#[cfg(test)]
mod tests {
    use super::{EngineAddress, EngineUrlError};

    #[test]
    fn plain_http_without_a_path_is_an_address() {
        for good in ["http://127.0.0.1:3000", "http://engine:3000/"] {
            assert!(EngineAddress::over_tcp(good).is_ok(), "{good}");
        }
        for bad in ["https://engine", "engine:3000", "/functions", "http://engine/1.1"] {
            assert!(matches!(EngineAddress::over_tcp(bad), Err(EngineUrlError::NotPlainHttp(_))), "{bad}");
        }
        assert!(matches!(EngineAddress::over_tcp("http://a b"), Err(EngineUrlError::Malformed { .. })));
    }

    #[test]
    fn a_socket_is_named_by_its_path() {
        let address: EngineAddress = "unix:/run/hookd/engine.sock".parse().unwrap();
        assert_eq!(address, EngineAddress::Socket("/run/hookd/engine.sock".into()));
        assert_eq!(address.to_string(), "unix:/run/hookd/engine.sock");
        assert!(matches!("unix:engine.sock".parse::<EngineAddress>(), Err(EngineUrlError::NotASocketPath(_))));
    }

    #[test]
    fn sockets_are_no_addresses_over_tcp() {
        assert!(EngineAddress::over_tcp("unix:/run/docker.sock").is_err());
    }
}
