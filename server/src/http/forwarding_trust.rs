//! The client of a request. Only this module decides it, for functions and IM.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::gateway::ClientOverTls;
use axum::extract::ConnectInfo;
use hookd_runtime::keys_equal;

use crate::rpc::{FORWARDING_HEADERS, client_named_by_proxy};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

/// Shows the engine that forwarding headers come from an IM core of the installation; the value is the admin key. No call of
/// the control API takes it: requests of clients are passed on with it.
static FRONT_KEY: HeaderName = HeaderName::from_static("x-hookd-front-key");

/// Scheme that the client used, as its proxy reports it.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose forwarding headers are believed. By default there are none, and the peer is the client.
#[derive(Clone, Debug, Default)]
pub struct ForwardingTrust {
    /// All clients come through a proxy (`--trust-forwarded-headers`).
    pub proxy: bool,
    /// A caller with this key is an IM core of the installation.
    pub front_key: Option<Arc<str>>,
}

impl ForwardingTrust {
    /// Notes the client in the request ([`ConnectInfo`], with port 0 where only the address is known), and whether it
    /// came over TLS ([`ClientOverTls`]). `peer` is the other end of the connection, where it has an address.
    pub fn note_client<B>(&self, request: &mut Request<B>, peer: Option<SocketAddr>) {
        let named = self.believes(request.headers()).then(|| client_named_by_proxy(request.headers())).flatten();
        let client = named.map(|address| SocketAddr::new(address, 0)).or(peer.map(canonical));
        if let Some(client) = client {
            request.extensions_mut().insert(ConnectInfo(client));
        }
        if self.proxy && is_over_tls(request.headers()) {
            request.extensions_mut().insert(ClientOverTls);
        }
    }

    fn believes(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(&FRONT_KEY).and_then(|key| key.to_str().ok());
        self.proxy || self.front_key.as_deref().zip(shown).is_some_and(|(key, shown)| keys_equal(key, shown))
    }
}

/// Sends the client's address to an engine, in place of the client's own headers. `front_key` is the engine's admin
/// key.
pub fn tell_client(headers: &mut HeaderMap, client: Option<IpAddr>, front_key: &str) {
    for name in &FORWARDING_HEADERS {
        headers.remove(name);
    }
    headers.remove(&FRONT_KEY);
    let node = client.map(|client| match client {
        IpAddr::V4(address) => format!("for={address}"),
        // RFC 7239: in brackets and quotes.
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    });
    let node = node.and_then(|node| HeaderValue::from_str(&node).ok());
    if let (Some(node), Ok(mut key)) = (node, HeaderValue::from_str(front_key)) {
        key.set_sensitive(true);
        headers.insert(FORWARDED, node);
        headers.insert(FRONT_KEY.clone(), key);
    }
}

fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// A chain of proxies lists the schemes of its links, the client's first.
fn is_over_tls(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let first = |list: &'_ str| list.split(',').next().unwrap_or_default().to_owned();
    let scheme = text(&FORWARDED_PROTO).map(first).or_else(|| {
        let element = first(text(&FORWARDED)?);
        let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let (_, scheme) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case("proto"))?;
        Some(scheme.to_owned())
    });
    scheme.is_some_and(|scheme| {
        let scheme = scheme.trim().trim_matches('"');
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&str, &str)]) -> Request<()> {
        let request = lines.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap()
    }

    /// Address and TLS of the client of such a request from 10.0.0.9, written as IPv6.
    fn client(trust: &ForwardingTrust, lines: &[(&str, &str)]) -> (String, bool) {
        let mut request = request(lines);
        trust.note_client(&mut request, Some("[::ffff:10.0.0.9]:5000".parse().unwrap()));
        let ConnectInfo(client) = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
        (client.ip().to_string(), request.extensions().get::<ClientOverTls>().is_some())
    }

    /// F-11.
    #[test]
    fn only_named_proxies_are_believed() {
        let lines = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4;proto=https"),
            ("x-forwarded-proto", "https"),
            ("x-hookd-front-key", ""),
        ];
        let front_key = Some("the-admin-key".into());
        for trust in [ForwardingTrust::default(), ForwardingTrust { proxy: false, front_key }] {
            assert_eq!(client(&trust, &lines), ("10.0.0.9".to_owned(), false), "{trust:?}");
        }
        let proxy = ForwardingTrust { proxy: true, front_key: None };
        assert_eq!(client(&proxy, &lines), ("1.2.3.4".to_owned(), true));
        assert_eq!(client(&proxy, &[]), ("10.0.0.9".to_owned(), false));
    }

    #[test]
    fn an_im_core_is_believed_with_the_key_and_replaces_what_the_client_said() {
        let trust = ForwardingTrust { proxy: false, front_key: Some("the-admin-key".into()) };
        for address in ["192.0.2.7", "2001:db8::1"] {
            let mut passed_on = request(&[("x-forwarded-for", "6.6.6.6"), ("x-hookd-front-key", "mine")]);
            tell_client(passed_on.headers_mut(), Some(address.parse().unwrap()), "the-admin-key");
            trust.note_client(&mut passed_on, None);
            let ConnectInfo(client) = passed_on.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
            assert_eq!(client.ip().to_string(), address);
        }
    }

    /// F-20.
    #[test]
    fn the_scheme_of_the_client_is_the_first_one() {
        let trust = ForwardingTrust { proxy: true, front_key: None };
        for (name, value, over_tls) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "HTTPS", true),
            ("x-forwarded-proto", "https, http", true),
            ("x-forwarded-proto", "https,http", true),
            ("x-forwarded-proto", "wss", true),
            ("x-forwarded-proto", "http, https", false),
            ("x-forwarded-proto", "", false),
            ("forwarded", "for=\"[2001:db8::1]:443\";proto=https", true),
            ("forwarded", "Proto=\"https\";for=1.2.3.4, for=10.0.0.1;proto=http", true),
            ("forwarded", "for=1.2.3.4;proto=http, for=10.0.0.1;proto=https", false),
            ("forwarded", "for=1.2.3.4", false),
        ] {
            assert_eq!(client(&trust, &[(name, value)]).1, over_tls, "{name}: {value}");
        }
    }
}
