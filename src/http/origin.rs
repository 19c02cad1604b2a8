//! The origin of a request: the peer's address, or what a trusted proxy says.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::state::App;
use crate::domain::network::Network;

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address; none if a proxy does not tell it, because the proxy's own address stands for everybody behind
    /// it.
    pub address: Option<IpAddr>,
    /// Whether the browser speaks https, as far as is known.
    pub https: bool,
}

impl FromRequestParts<App> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let mut origin = Self::of(peer, &parts.headers, &app.http.trusted_proxies);
        origin.https |= app.http.secure_cookies;
        Ok(origin)
    }
}

impl Origin {
    /// The origin of a request that this peer has sent.
    #[must_use]
    pub fn of(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        if !peer.is_some_and(is_trusted) {
            return Self { address: peer, https: false };
        }
        let (hops, scheme) = forwarded(headers);
        // The last hop that is not a proxy of ours is the client. The client may have written the hops before it. If all
        // hops are ours, the request began at the first.
        let client = hops.iter().rposition(|hop| !hop.is_some_and(is_trusted)).unwrap_or(0);
        Self {
            address: hops.get(client).copied().flatten(),
            https: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        }
    }
}

/// The hops that proxies tell, from the first on, none for a hop that is no address; and the scheme at the first.
///
/// `X-Forwarded-For` counts before `Forwarded`, because proxies that add to the first pass the second on as the client wrote
/// it.
fn forwarded(headers: &HeaderMap) -> (Vec<Option<IpAddr>>, Option<String>) {
    let hops = lines(headers, "x-forwarded-for");
    let scheme = || items(&lines(headers, "x-forwarded-proto")).next();
    if !hops.is_empty() {
        return (items(&hops).map(|hop| address(&hop)).collect(), scheme());
    }
    let elements: Vec<String> =
        lines(headers, "forwarded").iter().flat_map(|line| split(line, ',')).collect();
    let parameter = |element: &str, wanted: &str| {
        split(element, ';').iter().find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| unquoted(value))
        })
    };
    let hops = elements.iter().map(|element| address(&parameter(element, "for")?)).collect();
    let scheme = elements.iter().find_map(|element| parameter(element, "proto")).or_else(scheme);
    (hops, scheme)
}

/// All lines of a header. A line that is not ASCII does not hide the others.
fn lines(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    lines.map(std::borrow::Cow::into_owned).collect()
}

/// The items of lists without quotation marks.
fn items(lines: &[String]) -> impl Iterator<Item = String> {
    let items = lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned)
}

/// The parts between separators outside quotation marks. A mark that a client leaves open does not hide what a proxy has
/// written after it.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    if quoted {
        parts = text.split(separator).map(str::to_owned).collect();
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) => inner.replace('\\', ""),
        None => value.to_owned(),
    }
}

/// An address, perhaps with a port, with brackets, or with the name of an interface behind it.
fn address(text: &str) -> Option<IpAddr> {
    let text = unquoted(text);
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        // One colon stands before a port; several are part of an IPv6 address.
        None => match text.split_once(':') {
            Some((v4, port)) if !port.contains(':') => v4,
            _ => text.as_str(),
        },
    };
    let bare = bare.split('%').next()?;
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn origin(peer: &str, lines: &[(&'static str, &str)]) -> (Option<String>, bool) {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|text| text.parse().expect("a network"));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        let origin = Origin::of(peer.parse().ok(), &headers, &trusted);
        (origin.address.map(|address| address.to_string()), origin.https)
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_proxy_of_ours_however_it_is_written() {
        const FOR: &str = "x-forwarded-for";
        let client = "203.0.113.9";
        for lines in [
            vec![(FOR, "203.0.113.9")],
            vec![(FOR, "203.0.113.9:4711")],
            vec![(FOR, "198.51.100.1, 203.0.113.9 , 10.1.2.3")],
            vec![(FOR, "198.51.100.1"), (FOR, "203.0.113.9"), (FOR, "10.1.2.3:80, 10.0.0.9")],
            vec![(FOR, "nonsense, 203.0.113.9,")],
            vec![(FOR, "é"), (FOR, "203.0.113.9")],
            vec![(FOR, "::ffff:203.0.113.9")],
            vec![("forwarded", "for=203.0.113.9")],
            vec![("forwarded", "For=\"203.0.113.9:80\";proto=http")],
            vec![("forwarded", "for=1.2.3.4, for=203.0.113.9;by=x"), ("forwarded", "for=10.1.1.1")],
            vec![("forwarded", "for=\"a,b;for=1.2.3.4\", for=203.0.113.9, for=\"[fd00::1]:80\"")],
            vec![("forwarded", "for=198.51.100.1"), (FOR, "203.0.113.9")],
            vec![(FOR, "\"1.2.3.4, 203.0.113.9")],
            vec![("forwarded", "for=\"1.2.3.4, for=203.0.113.9")],
            vec![("forwarded", "for=\"1.2.3.4, for=\"203.0.113.9:80\"")],
        ] {
            assert_eq!(origin("127.0.0.1", &lines).0.as_deref(), Some(client), "{lines:?}");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711", "2001:db8::1%eth0"] {
            assert_eq!(origin("127.0.0.1", &[(FOR, text)]).0.as_deref(), Some("2001:db8::1"), "{text}");
        }
        assert_eq!(origin("10.9.9.9", &[(FOR, "10.0.0.1, 10.0.0.2")]).0.as_deref(), Some("10.0.0.1"));
        // Nobody but a proxy is believed.
        assert_eq!(origin("192.0.2.1", &[(FOR, client)]).0.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn what_is_no_address_is_never_taken_for_the_proxys_own() {
        for lines in [
            vec![],
            vec![("x-forwarded-for", "unknown")],
            vec![("x-forwarded-for", "203.0.113.9, unknown, 10.0.0.1")],
            vec![("forwarded", "for=_hidden")],
            vec![("forwarded", "for=203.0.113.9, proto=https")],
        ] {
            assert_eq!(origin("127.0.0.1", &lines).0, None, "{lines:?}");
        }
    }

    #[test]
    fn https_is_read_from_lists_and_in_any_case() {
        for (https, lines) in [
            (true, [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https,http")]),
            (true, [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "HTTPS")]),
            (true, [("x-forwarded-port", "1"), ("x-forwarded-proto", "https")]),
            (false, [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "http, https")]),
            (true, [("forwarded", "for=203.0.113.9;proto=HTTPS"), ("forwarded", "for=10.0.0.1;proto=http")]),
            (true, [("forwarded", "for=203.0.113.9"), ("x-forwarded-proto", "https")]),
        ] {
            assert_eq!(origin("127.0.0.1", &lines).1, https, "{lines:?}");
            assert!(!origin("192.0.2.1", &lines).1, "{lines:?}");
        }
    }
}
