//! What forwarding headers say of the client (§3.4). Whether they are believed is decided elsewhere.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

/// All headers that name a client.
pub const FORWARDING_HEADERS: [HeaderName; 3] = [header::FORWARDED, REAL_IP, FORWARDED_FOR];

const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address in a request that came through a trusted proxy: from `X-Forwarded-For`, where it is there, else from
/// `Forwarded` (RFC 7239), else from `X-Real-IP`; `None` where they name no address. The docs ask proxies to set the
/// first one, so a client gains nothing by sending another one.
///
/// Of a list the last public address counts, and where there is none the first address. What stands left of an element
/// that cannot be read does not count: the client may have written it.
pub fn client_named_by_proxy(headers: &HeaderMap) -> Option<IpAddr> {
    let by_proxy = list(headers, FORWARDED_FOR);
    if by_proxy.iter().any(|element| !element.is_empty()) {
        return client_of_chain(&by_proxy, node);
    }
    client_named_by_platform(headers)
}

/// The client's address in a request of the platform, in the order of LeanEngine: from `Forwarded`, else from `X-Real-IP`,
/// else from `X-Forwarded-For`. The platform sets the first one (EC-32); a proxy between may set the last one.
pub fn client_named_by_platform(headers: &HeaderMap) -> Option<IpAddr> {
    client_of_chain(&list(headers, header::FORWARDED), for_node)
        .or_else(|| client_of_chain(&list(headers, REAL_IP), node))
        .or_else(|| client_of_chain(&list(headers, FORWARDED_FOR), node))
}

/// The elements of a header: its lines are one list (RFC 9110, 5.3).
fn list(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    // What a client sent may be no text, and what its proxy appended on the same line is text nevertheless.
    let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines.flat_map(|line| line.split(',').map(|element| element.trim().to_owned()).collect::<Vec<_>>()).collect()
}

fn client_of_chain(elements: &[String], address_of: fn(&str) -> Option<IpAddr>) -> Option<IpAddr> {
    // A list may have empty elements.
    let last_to_first = elements.iter().rev().filter(|element| !element.is_empty());
    let mut first = None;
    for address in last_to_first.map_while(|element| address_of(element)) {
        if !is_internal(&address) {
            return Some(address);
        }
        first = Some(address);
    }
    first
}

/// The `for` of an element of `Forwarded`.
fn for_node(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case("for"))?;
    node(value)
}

/// An address as proxies write it: alone or with a port, IPv6 with or without brackets, and all of it perhaps in quotes.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"').trim();
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let is_port = port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
            (port.is_empty() || is_port).then(|| ipv6(address)).flatten()?.into()
        }
        None => match text.parse::<SocketAddr>() {
            Ok(with_port) => with_port.ip(),
            Err(_) => text.parse().ok().or_else(|| ipv6(text).map(IpAddr::V6))?,
        },
    };
    Some(address.to_canonical())
}

/// With or without a zone, which means something to the proxy alone.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.split_once('%').map_or(text, |(address, _)| address).parse().ok()
}

fn is_internal(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let bytes = |value: &str| HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let lines = lines.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), bytes(value)));
        lines.collect()
    }

    fn client(lines: &[(&str, &str)]) -> Option<String> {
        client_named_by_proxy(&headers(lines)).map(|address| address.to_string())
    }

    #[test]
    fn forwarded_names_the_last_public_address() {
        for (value, address) in [
            ("for=1.2.3.4, for=10.0.0.1", "1.2.3.4"),
            ("for=1.2.3.4, for=5.6.7.8", "5.6.7.8"),
            ("for=192.168.0.9, for=10.0.0.1", "192.168.0.9"),
            ("for=\"[2001:db8::1]:443\";proto=https, for=10.0.0.1;by=10.0.0.2", "2001:db8::1"),
        ] {
            assert_eq!(client(&[("forwarded", value)]).as_deref(), Some(address), "{value}");
        }
    }

    /// F-20.
    #[test]
    fn addresses_have_every_form_that_proxies_write() {
        for (written, address) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:5678", "1.2.3.4"),
            ("\"1.2.3.4:5678\"", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:443", "1.2.3.4"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            (" 1.2.3.4 , ", "1.2.3.4"),
        ] {
            assert_eq!(client(&[("x-forwarded-for", written)]).as_deref(), Some(address), "{written}");
            assert_eq!(client(&[("x-real-ip", written)]).as_deref(), Some(address), "{written}");
            assert_eq!(client(&[("forwarded", &format!("for={written}"))]).as_deref(), Some(address), "{written}");
        }
        for written in
            ["", "unknown", "_hidden", "1.2.3", "1.2.3.4:port", "1.2.3.4:99999", "[2001:db8::1", "[1.2.3.4]", "[]:1"]
        {
            assert_eq!(client(&[("x-forwarded-for", written)]), None, "{written}");
        }
    }

    #[test]
    fn the_lines_of_a_header_are_one_list() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "10.0.0.1")];
        assert_eq!(client(&lines).as_deref(), Some("1.2.3.4"));
    }

    #[test]
    fn a_clients_entries_before_those_of_the_proxy_neither_count_nor_hide_them() {
        for forged in ["6.6.6.6", "unknown", "\"", "for=\"", "[", "\u{e9}", "6.6.6.6, , x"] {
            let value = format!("{forged}, 1.2.3.4");
            assert_eq!(client(&[("x-forwarded-for", &value)]).as_deref(), Some("1.2.3.4"), "{forged}");
            let value = format!("{forged}, for=1.2.3.4");
            assert_eq!(client(&[("forwarded", &value)]).as_deref(), Some("1.2.3.4"), "{forged}");
        }
        let other_headers = [("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(client(&other_headers).as_deref(), Some("1.2.3.4"));
        assert_eq!(client(&[("x-forwarded-for", "unknown, 10.0.0.1")]).as_deref(), Some("10.0.0.1"));
        assert_eq!(
            client(&[("x-forwarded-for", "unknown"), ("forwarded", "for=6.6.6.6")]),
            None,
            "of a proxy that hides it"
        );
    }

    #[test]
    fn a_header_that_names_no_address_leaves_it_to_the_next() {
        assert_eq!(client(&[("forwarded", "for=_hidden")]), None);
        assert_eq!(client(&[("forwarded", "for=1.2.3.4, by=10.0.0.1")]), None);
        assert_eq!(client(&[("x-forwarded-for", " , "), ("forwarded", "for=1.2.3.4")]).as_deref(), Some("1.2.3.4"));
        assert_eq!(client(&[("forwarded", "for=_hidden"), ("x-real-ip", "1.2.3.4")]).as_deref(), Some("1.2.3.4"));
        assert_eq!(client(&[]), None);
    }

    #[test]
    fn the_platforms_own_word_goes_before_that_of_a_proxy_between() {
        let headers = headers(&[("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=\"[2001:db8::1]\"")]);
        assert_eq!(client_named_by_platform(&headers), Some("2001:db8::1".parse().unwrap()));
    }
}
