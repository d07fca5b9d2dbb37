//! Which addresses may be connected to: those of the public internet, and what the operator opened.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// IPv4 networks that are not the public internet (IANA's registry of special-purpose addresses), and what each is.
const NOT_PUBLIC: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "unspecified"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared (carrier-grade NAT)"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    // Cloud providers answer for a machine's own secrets at 169.254.169.254.
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "reserved"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
    // Metadata of one cloud that chose a public-looking address.
    (v4(168, 63, 129, 16, 32), "cloud metadata"),
];

/// All public IPv6 addresses are in here, though not all in here are public.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NOT_GLOBAL: [(Ipv6Net, &str); 4] = [
    // Tunnels, whose far end may be any IPv4 address, and other protocols of the IETF.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a 6to4 tunnel"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
];
/// NAT64: the last four bytes are the IPv4 address that is meant.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(segments: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// An address that functions may not connect to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{host}` has the address {address}, which is {kind}; functions reach public addresses only, unless the operator opens \
     a network with `hookd up --allow-private-egress`"
)]
pub(super) struct Prohibited {
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) kind: &'static str,
}

/// Says which addresses apps may send requests to.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    open: Vec<IpNet>,
}

impl AddressGuard {
    /// `open`: networks that are not public and may be reached nevertheless.
    pub fn new(open: Vec<IpNet>) -> Self {
        Self { open }
    }

    /// True for an address of the public internet, or of a network that is open.
    pub fn allows(&self, address: IpAddr) -> bool {
        let meant = meant(address);
        kind(meant).is_none() || self.open.iter().any(|network| network.contains(&meant))
    }

    /// `host` is the name that has the address, for the error.
    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), Prohibited> {
        match kind(meant(address)) {
            Some(kind) if !self.allows(address) => Err(Prohibited { host: host.to_owned(), address, kind }),
            _ => Ok(()),
        }
    }
}

/// The address that packets end up at: several forms of IPv6 wrap an IPv4 address.
fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(wrapped) if NAT64.contains(&wrapped) => {
            let [.., a, b, c, d] = wrapped.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

/// What the address is, when it is not one of the public internet.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => NOT_PUBLIC.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind),
        IpAddr::V6(address) if address.is_loopback() => Some("loopback"),
        IpAddr::V6(address) if address.is_unspecified() => Some("unspecified"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("link-local"),
        IpAddr::V6(address) if address.is_unique_local() => Some("private"),
        IpAddr::V6(address) if address.is_multicast() => Some("multicast"),
        IpAddr::V6(address) if !GLOBAL_UNICAST.contains(&address) => Some("reserved"),
        IpAddr::V6(address) => NOT_GLOBAL.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(guard: &AddressGuard, address: &str) -> bool {
        guard.check("host", address.parse().unwrap()).is_err()
    }

    #[test]
    fn public_addresses_may_be_connected_to() {
        let guard = AddressGuard::default();
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(!refused(&guard, address), "{address}");
        }
    }

    #[test]
    fn all_others_may_not() {
        let guard = AddressGuard::default();
        let addresses = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
            192.0.0.8 192.168.1.1 198.18.0.1 203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
            :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1::
            2001::1 2001:db8::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 100::1 5f00::1 3fff::1";
        for address in addresses.split_whitespace() {
            assert!(refused(&guard, address), "{address}");
        }
    }

    #[test]
    fn an_opened_network_may_be_connected_to_in_every_form() {
        let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert!(!refused(&guard, address), "{address}");
        }
        for address in ["::1", "10.0.0.1", "169.254.169.254"] {
            assert!(refused(&guard, address), "{address}");
        }
    }

    #[test]
    fn the_error_names_host_address_kind_and_setting() {
        let text = AddressGuard::default().check("metadata.internal", "169.254.169.254".parse().unwrap()).unwrap_err();
        for word in ["`metadata.internal`", "169.254.169.254", "link-local", "--allow-private-egress"] {
            assert!(text.to_string().contains(word), "{text}");
        }
    }
}
