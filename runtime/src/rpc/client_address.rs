//! On whose behalf a call is made (§3.4).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

/// The client's address as LeanEngine reports it: `Forwarded`, `X-Real-IP`, `X-Forwarded-For`, the socket's `peer`.
pub(super) fn client_address<'a>(headers: &'a HeaderMap, peer: Option<&'a str>) -> Option<Cow<'a, str>> {
    let filled = |name| headers.get(name)?.to_str().ok().filter(|value| !value.is_empty());
    let chain = filled("forwarded").and_then(forwarded);
    let named = || filled("x-real-ip").or_else(|| filled("x-forwarded-for")).or(peer);
    chain.map(Cow::Owned).or_else(|| named().map(Cow::Borrowed))
}

/// The last address in the chain that is public, or the first one when none is. A header with an element that is no plain
/// address is ignored as a whole.
fn forwarded(value: &str) -> Option<String> {
    let chain: Option<Vec<IpAddr>> = value.split(',').map(element_address).collect();
    let chain = chain?;
    let public = chain.iter().rev().find(|address| !is_internal(address));
    public.or(chain.first()).map(IpAddr::to_string)
}

fn element_address(element: &str) -> Option<IpAddr> {
    element
        .split(';')
        .find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
        })
        .and_then(|address| {
            // RFC 7239 puts IPv6 in brackets, with or without a port behind them.
            let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
            bare.parse().or_else(|_| address.parse::<SocketAddr>().map(|socket| socket.ip())).ok()
        })
}

fn is_internal(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn forwarded_names_the_last_public_address() {
        assert_eq!(forwarded("for=1.2.3.4, for=10.0.0.1").as_deref(), Some("1.2.3.4"));
        assert_eq!(forwarded("for=1.2.3.4, for=5.6.7.8").as_deref(), Some("5.6.7.8"));
        assert_eq!(forwarded("for=192.168.0.9, for=10.0.0.1").as_deref(), Some("192.168.0.9"));
    }

    #[test]
    fn addresses_may_have_ports_and_brackets() {
        for (value, address) in [
            ("for=\"1.2.3.4:5678\"", "1.2.3.4"),
            ("for=\"[2001:db8::1]\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]:5678\"", "2001:db8::1"),
        ] {
            assert_eq!(forwarded(value).as_deref(), Some(address), "{value}");
        }
    }

    #[test]
    fn obfuscated_elements_make_the_header_count_as_absent() {
        assert_eq!(forwarded("for=_hidden"), None);
        assert_eq!(forwarded("for=1.2.3.4, by=10.0.0.1"), None);
    }

    #[test]
    fn without_forwarded_the_next_header_is_taken_verbatim() {
        let value = HeaderValue::from_static("1.1.1.1, 2.2.2.2");
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), value)]);
        assert_eq!(client_address(&headers, Some("3.3.3.3")).as_deref(), Some("1.1.1.1, 2.2.2.2"));
    }

    #[test]
    fn without_any_header_it_is_the_peer() {
        assert_eq!(client_address(&HeaderMap::new(), Some("3.3.3.3")).as_deref(), Some("3.3.3.3"));
    }
}
