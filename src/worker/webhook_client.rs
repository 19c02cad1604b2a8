//! The HTTP client of webhooks. It bounds the time and the size of answers, follows no redirects, uses no proxy, and
//! connects only to public addresses unless a setting allows others.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Position, Url};

use crate::config::WebhookSettings;
use crate::domain::public_address::is_public;
use crate::worker::tls::{connect, connector, reason};

/// How much of an answer is read before the connection is closed, in bytes.
const READ: usize = 4 * 1024;
/// How much of an answer is kept, in bytes.
const KEPT: usize = 1024;

/// Sends webhooks.
pub struct WebhookClient {
    timeout: Duration,
    private_addresses: bool,
    /// TLS, made at the first attempt by https, because making it reads the system's certificates.
    tls: OnceCell<TlsConnector>,
}

/// The answer of a receiver.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`, as the receiver sent it.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub excerpt: String,
}

/// The bounds of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long it may take, from looking up the name to the end of the body.
    pub timeout: Duration,
    /// How many bytes of the body are read.
    pub bytes: usize,
}

/// The answer of a receiver, as far as it was read.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`, as the receiver sent it.
    pub retry_after: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

impl WebhookClient {
    /// A client with the bounds of the settings.
    #[must_use]
    pub fn new(settings: &WebhookSettings) -> Self {
        Self {
            timeout: Duration::from_secs(settings.timeout_s),
            private_addresses: settings.allow_private_addresses,
            tls: OnceCell::new(),
        }
    }

    /// Posts a body. Each attempt looks the name up again, and opens a connection of its own, so that it never meets a
    /// connection that the receiver has just closed.
    ///
    /// # Errors
    /// Why there was no answer, in words for operators.
    pub async fn post(&self, url: Url, headers: HeaderMap, body: String) -> Result<Answer, String> {
        let bounds = Bounds { timeout: self.timeout, bytes: READ };
        // The status is known: a body that does not end, or breaks off, changes nothing.
        let Reply { status, retry_after, body, .. } = self.ask(url, headers, body, bounds).await?;
        Ok(Answer { status, retry_after, excerpt: excerpt(&body) })
    }

    /// Posts a body in the same way, within these bounds, for the sake of what is answered.
    ///
    /// # Errors
    /// Why there was no answer, in words for operators.
    pub async fn ask(
        &self,
        url: Url,
        headers: HeaderMap,
        body: String,
        bounds: Bounds,
    ) -> Result<Reply, String> {
        let deadline = Instant::now() + bounds.timeout;
        let (mut response, _connection) = timeout_at(deadline, self.send(&url, headers, body))
            .await
            .map_err(|_| format!("no answer within {} s", bounds.timeout.as_secs()))??;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(ToOwned::to_owned);
        let (mut read, mut is_whole) = (Vec::new(), false);
        while read.len() < bounds.bytes {
            let frame = match timeout_at(deadline, response.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => {
                    is_whole = true;
                    break;
                }
                _ => break,
            };
            if let Ok(chunk) = frame.into_data() {
                read.extend_from_slice(&chunk[..chunk.len().min(bounds.bytes - read.len())]);
            }
        }
        Ok(Reply { status, retry_after, body: read, is_whole })
    }

    /// The head of the answer, and the driver of the connection, which ends when the driver is dropped.
    async fn send(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: String,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), String> {
        let request = request(url, headers, body)?;
        let stream = connect(self.addresses(url).await?).await?;
        if url.scheme() == "http" {
            return exchange(stream, request).await;
        }
        let name = match url.host() {
            Some(Host::Domain(name)) => {
                ServerName::try_from(name.to_owned()).map_err(|error| reason(&error))?
            }
            Some(Host::Ipv4(address)) => ServerName::IpAddress(address.into()),
            Some(Host::Ipv6(address)) => ServerName::IpAddress(address.into()),
            None => return Err("the URL names no host".to_owned()),
        };
        let tls = self.tls.get_or_try_init(|| async { connector(None) }).await?;
        let stream =
            tls.connect(name, stream).await.map_err(|error| format!("TLS fails: {}", reason(&error)))?;
        exchange(stream, request).await
    }

    /// The addresses of a URL's host, which must be public: a name may point to other addresses than when the endpoint was
    /// made.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        let port = url.port_or_known_default().ok_or("the URL names no port")?;
        let mut found: Vec<SocketAddr> = match url.host() {
            Some(Host::Domain(name)) => lookup_host((name, port))
                .await
                .map_err(|error| format!("the host can't be looked up: {}", reason(&error)))?
                .collect(),
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            None => Vec::new(),
        };
        found.retain(|address| self.private_addresses || is_public(address.ip()));
        if found.is_empty() {
            return Err("the host has no public address".to_owned());
        }
        Ok(found)
    }
}

fn request(url: &Url, headers: HeaderMap, body: String) -> Result<Request<Full<Bytes>>, String> {
    let unusable = |error: &dyn std::error::Error| format!("the URL can't be used: {}", reason(error));
    let mut request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .body(Full::from(body))
        .map_err(|error| unusable(&error))?;
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    let host = host.map_err(|error| unusable(&error))?;
    let name = HeaderValue::from_static(concat!("tasks-management/", env!("CARGO_PKG_VERSION")));
    *request.headers_mut() = headers;
    for (header, value) in [(HOST, host), (ACCEPT, HeaderValue::from_static("*/*")), (USER_AGENT, name)] {
        request.headers_mut().insert(header, value);
    }
    Ok(request)
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| reason(&error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The sender is told of errors of the connection.
    let driver = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let response = sender.send_request(request).await.map_err(broken)?;
    Ok((response, driver))
}

/// The beginning of a body as a text that the database can keep.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).replace('\0', "\u{fffd}");
    let end = (0..=text.len().min(KEPT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn addresses(url: &str, allow_private_addresses: bool) -> Result<Vec<SocketAddr>, String> {
        let settings = WebhookSettings { allow_private_addresses, ..WebhookSettings::default() };
        WebhookClient::new(&settings).addresses(&url.parse().expect("a URL")).await
    }

    #[tokio::test]
    async fn a_host_at_private_addresses_only_leads_nowhere_unless_they_are_allowed() {
        for url in ["http://localhost:8080/hook", "https://127.0.0.1/", "https://[::1]/"] {
            assert_eq!(
                addresses(url, false).await,
                Err("the host has no public address".to_owned()),
                "{url}"
            );
            let found = addresses(url, true).await.expect("addresses");
            assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        }
        let public = addresses("https://1.1.1.1/", false).await;
        assert_eq!(public, Ok(vec!["1.1.1.1:443".parse().expect("an address")]));
    }

    #[test]
    fn a_request_names_its_host_and_path_and_who_asks() {
        let url = "https://example.org:8443/a/b?c=d#e".parse().expect("a URL");
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("elsewhere"))]);
        let request = request(&url, headers, "{}".to_owned()).expect("a request");
        assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "/a/b?c=d"));
        assert_eq!(request.headers()[HOST], "example.org:8443");
        assert!(
            request.headers()[USER_AGENT].to_str().is_ok_and(|name| name.starts_with("tasks-management/"))
        );
    }

    #[test]
    fn an_excerpt_is_short_and_can_be_kept() {
        assert_eq!(excerpt(b"ok"), "ok");
        assert_eq!(excerpt(b"a\0b"), "a\u{fffd}b");
        let long = excerpt("ü".repeat(KEPT).as_bytes());
        assert!(long.len() <= KEPT && long.len() > KEPT - 4 && long.chars().all(|c| c == 'ü'));
        assert!(excerpt(&[0xff; READ]).len() <= KEPT);
    }
}
