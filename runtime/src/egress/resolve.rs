//! From a name to addresses that may be connected to.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::addresses::{AddressGuard, Prohibited};

/// Names that are looked up at the same time, over all apps. The system's resolver holds a thread for each, for as long as a
/// name server keeps it waiting.
const LOOKUPS: usize = 16;

/// Looks names up. The answers are checked afterwards, whoever gives them.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of a host.
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of the operating system.
#[derive(Clone, Debug)]
pub(super) struct SystemResolver(Arc<Semaphore>);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let (lookups, host) = (self.0.clone(), host.to_owned());
        Box::pin(async move {
            // Waits no longer than the request that asks, which has a deadline.
            let lookup = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let looking_up = tokio::task::spawn_blocking(move || {
                // Held until the thread is free again, not until the asker is gone.
                let _lookup = lookup;
                (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            looking_up.await.map_err(io::Error::other)?
        })
    }
}

/// Why a name has no address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum ResolveError {
    #[error("the name `{host}` cannot be resolved: {reason}")]
    NotFound { host: String, reason: String },
    #[error(transparent)]
    Prohibited(#[from] Prohibited),
}

/// The only way from a name to an address: the connector dials what this answers, and never resolves again.
#[derive(Clone, Debug)]
pub(super) struct GuardedResolver {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) guard: Arc<AddressGuard>,
}

impl GuardedResolver {
    /// All addresses of a host. One that may not be connected to spoils the others: whoever mixes them means harm.
    async fn addresses(self, host: String) -> Result<Vec<SocketAddr>, ResolveError> {
        let not_found = |reason: String| ResolveError::NotFound { host: host.clone(), reason };
        let addresses = self.resolver.resolve(&host).await.map_err(|error| not_found(error.to_string()))?;
        if addresses.is_empty() {
            return Err(not_found("it has no address".to_owned()));
        }
        for address in &addresses {
            self.guard.check(&host, *address)?;
        }
        // The connector puts the port of the URL in the place of 0.
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
    }
}

impl Service<Name> for GuardedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move { Ok(addresses.await?.into_iter()) })
    }
}
