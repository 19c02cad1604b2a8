//! The URLs at which webhook endpoints may stand.

use url::{Host, Url};

use super::public_address::is_public;
use super::webhook_endpoint::{LONGEST_URL, Reach};
use crate::error::{Error, Result};
use crate::message::Message;

/// The URL, if events may be sent to it. Names are not resolved here, so their addresses must be checked when a connection
/// is made.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_url(field: &str, text: &str, reach: Reach) -> Result<Url> {
    let wrong = |message: Message| Error::validation(field, message.with("field", field));
    if text.chars().count() > LONGEST_URL {
        return Err(wrong(Message::new("too-long").with("max", LONGEST_URL)));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(wrong(Message::new("not-a-url")));
    }
    let url = Url::parse(text).map_err(|_| wrong(Message::new("not-a-url")))?;
    match url.scheme() {
        "https" => {}
        "http" if reach.http => {}
        _ if reach.http => return Err(wrong(Message::new("need-http"))),
        _ => return Err(wrong(Message::new("need-https"))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(Message::new("url-with-user")));
    }
    let is_private = match url.host() {
        None => return Err(wrong(Message::new("not-a-url"))),
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    };
    if is_private && !reach.private_addresses {
        return Err(wrong(Message::new("private-address")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Reach = Reach { private_addresses: false, http: false };
    const FREE: Reach = Reach { private_addresses: true, http: true };

    fn refusal(text: &str, reach: Reach) -> Option<&'static str> {
        check_url("url", text, reach).err().map(|error| error.message().key())
    }

    #[test]
    fn only_https_to_public_hosts_is_allowed_unless_settings_say_more() {
        for good in ["https://example.org/hook?x=1", "https://1.1.1.1", "https://[2606:4700::1]:8443/"] {
            assert_eq!(refusal(good, STRICT), None, "{good}");
        }
        for (bad, key) in [
            ("", "not-a-url"),
            ("example.org", "not-a-url"),
            ("https://", "not-a-url"),
            ("https://exa mple.org", "not-a-url"),
            ("https://example.org/\n", "not-a-url"),
            ("http://example.org", "need-https"),
            ("ftp://example.org", "need-https"),
            ("https://ada@example.org", "url-with-user"),
            ("https://ada:secret@example.org", "url-with-user"),
            ("https://127.0.0.1", "private-address"),
            ("https://127.1", "private-address"),
            ("https://2130706433", "private-address"),
            ("https://0x7f000001", "private-address"),
            ("https://[::1]", "private-address"),
            ("https://[::ffff:10.0.0.1]", "private-address"),
            ("https://LocalHost./", "private-address"),
            ("https://x.localhost", "private-address"),
        ] {
            assert_eq!(refusal(bad, STRICT), Some(key), "{bad}");
        }
        for good in ["http://example.org", "http://127.0.0.1:8080/x", "https://localhost"] {
            assert_eq!(refusal(good, FREE), None, "{good}");
        }
        assert_eq!(refusal("ftp://example.org", FREE), Some("need-http"));
        assert_eq!(refusal(&format!("https://e.org/{}", "x".repeat(LONGEST_URL)), STRICT), Some("too-long"));
    }
}
