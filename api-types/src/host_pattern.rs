//! Which hosts an app's functions may send requests to.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One entry of an app's list: a host, and perhaps a port.
///
/// `api.example.com` is that host on the usual ports (443 for https, 80 for http), `api.example.com:8443` on that port
/// only. `*.example.org` is every host below `example.org`, and not `example.org` itself; `*` is every host. Addresses are
/// hosts like names. An allowed host is still refused when its address is one of a private network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Any,
    /// The end of a name, the dot included.
    Below(String),
    Exactly(String),
}

/// A text that names no host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` {problem}; write a host such as `api.example.com`, `api.example.com:8443`, `*.example.org` or `[2001:db8::1]`"
)]
pub struct InvalidHost {
    text: String,
    problem: &'static str,
}

impl HostPattern {
    /// `host` as in a URL's authority, in any case; `usual_port` is that of the URL's scheme.
    pub fn matches(&self, host: &str, port: u16, usual_port: u16) -> bool {
        let host = normal(host);
        let host_fits = match &self.host {
            Host::Any => true,
            Host::Below(suffix) => host.strip_suffix(suffix.as_str()).is_some_and(|rest| !rest.is_empty()),
            Host::Exactly(name) => *name == host,
        };
        host_fits && port == self.port.unwrap_or(usual_port)
    }
}

/// Names are compared without case, and without the dot at the end that an absolute name may have.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let invalid = |problem| InvalidHost { text: text.chars().take(100).collect(), problem };
        if text.contains("://") || text.contains('/') {
            return Err(invalid("is a URL or a path, not a host"));
        }
        let colon = text.rfind(':').filter(|colon| text.rfind(']').is_none_or(|bracket| bracket < *colon));
        let (host, port) = match colon.and_then(|colon| text.split_at_checked(colon)) {
            Some((host, port)) => {
                let port = port.trim_start_matches(':').parse().ok().filter(|port| *port != 0);
                (host, Some(port.ok_or_else(|| invalid("has no port between 1 and 65535 after the colon"))?))
            }
            None => (text, None),
        };
        let host = match normal(host) {
            _ if host == "*" => Host::Any,
            host => match host.strip_prefix('*') {
                Some(suffix) if suffix.starts_with('.') && is_name(suffix.trim_start_matches('.')) => {
                    Host::Below(suffix.to_owned())
                }
                Some(_) => return Err(invalid("has a `*` that does not stand for whole labels")),
                None if is_name(&host) || is_bracketed_address(&host) => Host::Exactly(host),
                None => return Err(invalid("is not a host name; write names in other scripts in punycode")),
            },
        };
        Ok(Self { host, port })
    }
}

fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(is_valid)
        })
}

fn is_bracketed_address(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Below(suffix) => write!(f, "*{suffix}")?,
            Host::Exactly(host) => f.write_str(host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, InvalidHost> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, host: &str, port: u16) -> bool {
        pattern.parse::<HostPattern>().unwrap().matches(host, port, 443)
    }

    #[test]
    fn an_exact_host_is_that_host_on_the_usual_port() {
        assert!(allows("api.example.com", "api.example.com", 443));
        assert!(allows("API.example.com", "api.EXAMPLE.com.", 443));
        assert!(!allows("api.example.com", "api.example.com", 8443));
        assert!(!allows("api.example.com", "www.example.com", 443));
        assert!(!allows("api.example.com", "api.example.com.evil.org", 443));
    }

    #[test]
    fn a_wildcard_is_every_host_below_and_not_the_host_itself() {
        assert!(allows("*.example.org:8443", "a.example.org", 8443));
        assert!(allows("*.example.org", "a.b.example.org", 443));
        assert!(!allows("*.example.org", "example.org", 443));
        assert!(!allows("*.example.org", "evilexample.org", 443));
        assert!(!allows("*.example.org", ".example.org", 80));
        assert!(allows("*", "anything.net", 443));
    }

    #[test]
    fn addresses_are_hosts() {
        assert!(allows("127.0.0.1:8080", "127.0.0.1", 8080));
        assert!(allows("[2001:DB8::1]:8443", "[2001:db8::1]", 8443));
        assert!(allows("[2001:db8::1]", "[2001:db8::1]", 443));
    }

    #[test]
    fn patterns_are_shown_as_they_are_written() {
        for text in ["api.example.com", "*.example.org:8443", "*", "[2001:db8::1]:1", "127.0.0.1:80"] {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_text_that_is_no_host_is_refused_with_an_example() {
        for text in [
            "",
            "https://example.com",
            "a/b",
            "a b",
            "*example.org",
            "a.*.org",
            "ex\u{e4}mple.org",
            "a:0",
            "a:70000",
            "a:",
            "*.",
            "[::1",
            "user@host",
            "a..b",
        ] {
            let refused = text.parse::<HostPattern>().unwrap_err().to_string();
            assert!(refused.contains("`api.example.com`"), "{refused}");
        }
    }
}
