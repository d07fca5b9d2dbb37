//! Where the engine that the owner of an app names may be: at a public address, not in the IM core's own network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures::future::BoxFuture;
use http::uri::Authority;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use thiserror::Error;
use tower::Service;

use super::address::{EngineAddress, EngineUrlError};

/// How long a name may take to be looked up when it is set.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

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

/// Looks at the address of an app's engine as its owner names it. A connection is checked once more when it is made: the
/// name may lead elsewhere then.
///
/// # Errors
/// The URL is not the address of an engine, cannot be resolved, or is not allowed.
pub async fn check_engine_url(url: &str, addresses: &dyn AddressCheck) -> Result<(), EngineUrlError> {
    let EngineAddress::Tcp(authority) = EngineAddress::over_tcp(url)? else { return Ok(()) };
    if let Some(address) = literal(authority.host()) {
        return allowed(addresses, authority.host(), [address]).map_err(EngineUrlError::Prohibited);
    }
    let host = authority.host().to_owned();
    let unresolved = |reason: String| EngineUrlError::Unresolved { host: host.clone(), reason };
    let looking_up = tokio::net::lookup_host((host.clone(), port(&authority)));
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, looking_up).await;
    let found = found.map_err(|_| unresolved("no answer in time".to_owned()))?;
    let found: Vec<IpAddr> = found.map_err(|error| unresolved(error.to_string()))?.map(|found| found.ip()).collect();
    allowed(addresses, &host, found).map_err(EngineUrlError::Prohibited)
}

fn port(authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(80)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Treats every address that is not loopback as public.
    struct NotLoopback;

    impl AddressCheck for NotLoopback {
        fn is_allowed(&self, address: IpAddr) -> bool {
            !address.is_loopback()
        }
    }

    /// F-9.
    #[tokio::test]
    async fn a_url_is_looked_at_in_every_form_of_its_host() {
        for url in [
            "http://127.0.0.1:1",
            "http://127.8.8.8",
            "http://[::1]:1",
            "http://[::ffff:127.0.0.1]:1",
            "http://localhost:1",
            "http://LOCALHOST",
            "http://127.1:1",
            "http://0x7f000001:1",
            "http://2130706433:1",
        ] {
            let refused = check_engine_url(url, &NotLoopback).await;
            let is_refused = matches!(refused, Err(EngineUrlError::Prohibited(_) | EngineUrlError::Unresolved { .. }));
            assert!(is_refused, "{url}: {refused:?}");
        }
        assert!(check_engine_url("http://192.0.2.1:1", &NotLoopback).await.is_ok());
        assert!(check_engine_url("http://localhost:1", &EveryAddress).await.is_ok());
        for url in
            ["http://user@192.0.2.1:1", "http://user:secret@192.0.2.1", "https://192.0.2.1", "unix:/run/docker.sock"]
        {
            assert!(check_engine_url(url, &EveryAddress).await.is_err(), "{url}");
        }
    }
}
