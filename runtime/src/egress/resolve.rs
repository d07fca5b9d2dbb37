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

/// Names that are looked up at the same time, over all apps and for one. The system's resolver holds a thread for each, for
/// as long as a name server keeps it waiting; the name server may belong to the owner of the app.
const LOOKUPS_OF_ALL: usize = 64;
const LOOKUPS_OF_APP: usize = 4;

/// Looks names up. The answers of every resolver are checked afterwards.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of a host.
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of the operating system.
#[derive(Clone, Debug, Default)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let host = host.to_owned();
        Box::pin(async move {
            let looking_up = tokio::task::spawn_blocking(move || {
                (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            looking_up.await.map_err(io::Error::other)?
        })
    }
}

/// The lookups that an app may have under way.
#[derive(Clone, Debug)]
pub(super) struct Lookups {
    of_app: Arc<Semaphore>,
    of_all: Arc<Semaphore>,
}

impl Lookups {
    /// Those of all apps together.
    pub(super) fn of_all() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(LOOKUPS_OF_ALL))
    }

    /// Those of one more app.
    pub(super) fn new(of_all: Arc<Semaphore>) -> Self {
        Self { of_app: Arc::new(Semaphore::new(LOOKUPS_OF_APP)), of_all }
    }

    /// Asks when there is a place. Waits no longer than the request that asks, which has a deadline.
    async fn ask(&self, resolver: &Arc<dyn Resolve>, host: &str) -> io::Result<Vec<IpAddr>> {
        // The app's place first: a lookup that waits there takes no place from other apps.
        let of_app = self.of_app.clone().acquire_owned().await.map_err(io::Error::other)?;
        let of_all = self.of_all.clone().acquire_owned().await.map_err(io::Error::other)?;
        let asking = resolver.resolve(host);
        // Goes on when the asker is gone: the places are free when the thread is.
        let asked = tokio::spawn(async move {
            let _places = (of_app, of_all);
            asking.await
        });
        asked.await.map_err(io::Error::other)?
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
    pub(super) lookups: Lookups,
    pub(super) guard: Arc<AddressGuard>,
}

impl GuardedResolver {
    /// All addresses of a host. One forbidden address refuses them all: a mix of both kinds is an attack.
    async fn addresses(self, host: String) -> Result<Vec<SocketAddr>, ResolveError> {
        let not_found = |reason: String| ResolveError::NotFound { host: host.clone(), reason };
        let addresses = self.lookups.ask(&self.resolver, &host).await.map_err(|error| not_found(error.to_string()))?;
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
