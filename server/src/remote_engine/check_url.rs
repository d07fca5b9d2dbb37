//! Whether the owner of an app may name an engine.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Authority;

use super::address::{EngineAddress, EngineUrlError};
use super::engine_addresses::{AddressCheck, allowed, literal};

/// How long a name may take to be looked up when it is set.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks at the address of an app's engine as its owner names it. A connection is checked once more when it is made: the
/// name may lead elsewhere then.
///
/// # Errors
/// The URL is not the address of an engine, cannot be resolved, or is not allowed.
pub async fn check_engine_url(url: &str, addresses: &dyn AddressCheck) -> Result<(), EngineUrlError> {
    let EngineAddress::Tcp(authority) = EngineAddress::over_tcp(url)? else { return Ok(()) };
    check_host(authority.host(), port(&authority), addresses).await
}

/// Looks at where a host leads.
///
/// # Errors
/// It cannot be resolved, or is not allowed.
pub(crate) async fn check_host(host: &str, port: u16, addresses: &dyn AddressCheck) -> Result<(), EngineUrlError> {
    check_literal(host, addresses)?;
    if literal(host).is_none() {
        resolve(host, port, addresses).await?;
    }
    Ok(())
}

/// Looks at a host that is an address itself: no resolver is asked for it.
///
/// # Errors
/// It is not allowed.
pub(crate) fn check_literal(host: &str, addresses: &dyn AddressCheck) -> Result<(), EngineUrlError> {
    match literal(host) {
        Some(address) => allowed(addresses, host, [address]).map_err(EngineUrlError::Prohibited),
        None => Ok(()),
    }
}

/// The addresses of a name.
///
/// # Errors
/// It cannot be resolved, or one of them is not allowed.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    addresses: &dyn AddressCheck,
) -> Result<Vec<SocketAddr>, EngineUrlError> {
    let unresolved = |reason: String| EngineUrlError::Unresolved { host: host.to_owned(), reason };
    let looking_up = tokio::net::lookup_host((host, port));
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, looking_up).await;
    let found = found.map_err(|_| unresolved("no answer in time".to_owned()))?;
    let found: Vec<SocketAddr> = found.map_err(|error| unresolved(error.to_string()))?.collect();
    allowed(addresses, host, found.iter().map(SocketAddr::ip)).map_err(EngineUrlError::Prohibited)?;
    Ok(found)
}

fn port(authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::engine_addresses::EveryAddress;
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
