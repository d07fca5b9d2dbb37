//! Addresses to listen on, as people write them.

use std::net::{Ipv4Addr, SocketAddr};

/// An address and a port. `localhost` is this machine's own address; other names may have several, or another one tomorrow.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let on_localhost = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match on_localhost {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().map_err(|_| {
            "it must be an address and a port, such as `127.0.0.1:7410`, `localhost:7410` or `[::1]:7410`; `0.0.0.0:7410` \
             stands for all addresses of this machine"
                .to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-41.
    #[test]
    fn an_address_has_a_port_and_perhaps_the_name_localhost() {
        for (text, address) in [
            ("127.0.0.1:7410", "127.0.0.1:7410"),
            ("localhost:7410", "127.0.0.1:7410"),
            ("[::]:0", "[::]:0"),
            (" 0.0.0.0:80 ", "0.0.0.0:80"),
        ] {
            assert_eq!(listen_address(text).map(|address| address.to_string()).as_deref(), Ok(address));
        }
        for text in [
            "",
            "localhost",
            "7410",
            ":7410",
            "localhost:",
            "localhost:99999",
            "example.org:7410",
            "::1:7410",
            "http://127.0.0.1:1",
        ] {
            assert!(listen_address(text).is_err_and(|problem| problem.contains("127.0.0.1:7410")), "{text}");
        }
    }
}
