//! Where the engine that the owner of an app names may be: at a public address, not in the IM core's own network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use thiserror::Error;
use tower::Service;

/// Says which addresses owners of apps may name.
pub trait AddressCheck: Send + Sync + 'static {
    /// True for an address of the public internet, or one that the operator opened.
    fn is_allowed(&self, address: IpAddr) -> bool;
}

/// Allows every address: all apps are the operator's own.
pub struct EveryAddress;

impl AddressCheck for EveryAddress {
    fn is_allowed(&self, _: IpAddr) -> bool {
        true
    }
}

/// A host that the owner of an app may not name. It does not show the address: the name may be known only inside the
/// network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{host}` has an address that is not public")]
pub struct ProhibitedAddress {
    /// As in the URL.
    pub host: String,
}

/// The address that stands in the place of a name: it is dialled without asking a resolver.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// One forbidden address refuses them all: a mix of both kinds is an attack.
pub(super) fn allowed(
    check: &dyn AddressCheck,
    host: &str,
    addresses: impl IntoIterator<Item = IpAddr>,
) -> Result<(), ProhibitedAddress> {
    let all = addresses.into_iter().all(|address| check.is_allowed(address.to_canonical()));
    if all { Ok(()) } else { Err(ProhibitedAddress { host: host.to_owned() }) }
}

/// The only way from a name to an address: the connector dials what this answers.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    system: GaiResolver,
    check: Option<Arc<dyn AddressCheck>>,
}

impl CheckedResolver {
    /// Without a check every address is good.
    pub(super) fn new(check: Option<Arc<dyn AddressCheck>>) -> Self {
        Self { system: GaiResolver::new(), check }
    }
}

impl Service<Name> for CheckedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, check) = (name.as_str().to_owned(), self.check.clone());
        let resolving = self.system.call(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            if let Some(check) = check {
                allowed(&*check, &host, found.iter().map(SocketAddr::ip))?;
            }
            Ok(found.into_iter())
        })
    }
}
