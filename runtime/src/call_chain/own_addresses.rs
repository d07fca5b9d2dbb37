//! Which URLs lead back to the engine.

use std::net::{IpAddr, UdpSocket};

use http::Uri;

/// A host and a port, where a server listens or where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnAddress {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl OwnAddress {
    /// `None` for what names no host.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        Self::of_uri(&url.parse().ok()?)
    }

    pub(super) fn of_uri(uri: &Uri) -> Option<Self> {
        let usual_port = match uri.scheme_str()? {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = match host.parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) => Host::Name(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()),
        };
        Some(Self { host, port: authority.port_u16().unwrap_or(usual_port) })
    }

    /// True when a request to `asked` comes to this listener.
    pub(super) fn includes(&self, asked: &Self) -> bool {
        self.port == asked.port
            && match (&self.host, &asked.host) {
                (Host::Address(own), Host::Address(asked)) if own.is_unspecified() => is_of_this_machine(*asked),
                (Host::Address(own), Host::Name(asked)) => {
                    asked == "localhost" && (own.is_loopback() || own.is_unspecified())
                }
                (own, asked) => own == asked,
            }
    }
}

/// Only its own addresses can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_to(own: &str, asked: &str) -> bool {
        OwnAddress::of_url(own).unwrap().includes(&OwnAddress::of_url(asked).unwrap())
    }

    #[test]
    fn a_listening_address_is_met_under_its_names() {
        for asked in [
            "http://127.0.0.1:7410/x",
            "http://localhost:7410",
            "http://LocalHost.:7410",
            "http://[::ffff:127.0.0.1]:7410",
        ] {
            assert!(leads_to("http://127.0.0.1:7410", asked), "{asked}");
        }
        for asked in ["http://127.0.0.1:7411", "http://127.0.0.1", "http://127.0.0.2:7410", "http://example.org:7410"] {
            assert!(!leads_to("http://127.0.0.1:7410", asked), "{asked}");
        }
    }

    #[test]
    fn who_listens_on_all_addresses_is_met_under_each_of_the_machine() {
        for own in ["http://0.0.0.0:7410", "http://[::]:7410"] {
            for asked in
                ["http://127.0.0.1:7410", "http://127.1.2.3:7410", "http://[::1]:7410", "http://localhost:7410"]
            {
                assert!(leads_to(own, asked), "{asked}");
            }
            assert!(!leads_to(own, "http://192.0.2.1:7410"));
            assert!(!leads_to(own, "http://example.org:7410"));
        }
    }

    #[test]
    fn a_public_url_is_met_under_its_name() {
        assert!(leads_to("wss://IM.example.org/", "https://im.example.org/1.1/functions/f"));
        assert!(leads_to("https://im.example.org:8443", "https://im.example.org:8443"));
        assert!(!leads_to("https://im.example.org", "http://im.example.org"));
        for nothing in ["unix:/run/hookd.sock", "im.example.org", "ftp://im.example.org", ""] {
            assert_eq!(OwnAddress::of_url(nothing), None, "{nothing}");
        }
    }
}
