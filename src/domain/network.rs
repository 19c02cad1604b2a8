//! Networks of addresses: operators write them, and clients are counted by them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// A network: an address, or a range of addresses as in `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether the address lies in the network. An IPv4 address in IPv6 form is the same address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// The network by which a client with this address is counted, because the client can easily get the network's other
    /// addresses. On IPv6 a customer gets at least 64 bits.
    #[must_use]
    pub fn around(address: IpAddr) -> Self {
        const IPV6_PREFIX: u8 = 64;
        let address = address.to_canonical();
        let net = IpNet::from(address);
        Self(match address {
            IpAddr::V4(_) => net,
            IpAddr::V6(_) => IpNet::new(address, IPV6_PREFIX).map_or(net, |net| net.trunc()),
        })
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical().into())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MAPPED: u8 = 96;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let net: IpNet = text
            .parse()
            .map_err(|_| format!("{text:?} is no network: 10.0.0.0/8, fd00::/8 and 10.0.0.1 are examples"))?;
        Ok(Self(match (net.addr().to_canonical(), net.prefix_len().checked_sub(MAPPED)) {
            (IpAddr::V4(v4), Some(prefix)) if net.addr().is_ipv6() => {
                Ipv4Net::new(v4, prefix).map_or(net, IpNet::V4)
            }
            _ => net,
        }))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = &self.0;
        if net.prefix_len() == net.max_prefix_len() { net.addr().fmt(f) } else { net.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_network_holds_its_addresses_however_they_are_written() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.200.3.4", "11.0.0.0"),
            ("10.0.0.7/8", "10.0.0.1", "9.255.255.255"),
            ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let network: Network = network.parse().expect("a network");
            assert!(network.contains(address(inside)), "{network} {inside}");
            assert!(!network.contains(address(outside)), "{network} {outside}");
        }
        for wrong in ["", "10.0.0.0/33", "proxy", "10.0.0", "10.0.0.1:80", "/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn clients_are_counted_by_address_on_ipv4_and_by_64_bits_on_ipv6() {
        let around = |text: &str| Network::around(address(text)).to_string();
        assert_eq!(around("192.0.2.7"), "192.0.2.7");
        assert_eq!(around("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(around("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(around("2001:db8:1:2:9::"), "2001:db8:1:2::/64");
    }
}
