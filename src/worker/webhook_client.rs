//! The HTTP client of webhooks. What it takes from a receiver is bounded in time and in size; it follows no redirects,
//! uses no proxy, and connects to no address that is not public unless a setting allows it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use crate::config::WebhookSettings;
use crate::domain::public_address::is_public;

/// How much of an answer is read before the connection is closed, in bytes.
const READ: usize = 4 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 1024;
/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 300;

/// Sends webhooks.
pub struct WebhookClient {
    timeout: Duration,
    private_addresses: bool,
    /// Made for the first attempt, as it reads the certificates of the system.
    client: OnceCell<Client>,
}

/// What a receiver has answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When the receiver wants to be asked again, as it said it.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub excerpt: String,
}

impl WebhookClient {
    /// With the bounds of the settings.
    #[must_use]
    pub fn new(settings: &WebhookSettings) -> Self {
        Self {
            timeout: Duration::from_secs(settings.timeout_s),
            private_addresses: settings.allow_private_addresses,
            client: OnceCell::new(),
        }
    }

    /// Posts a body.
    ///
    /// # Errors
    /// Why there was no answer, in words for operators.
    pub async fn post(&self, url: Url, headers: HeaderMap, body: String) -> Result<Answer, String> {
        let client = self.client.get_or_try_init(|| async { self.build() }).await?;
        let deadline = Instant::now() + self.timeout;
        let too_late = || format!("no answer within {} s", self.timeout.as_secs());
        let sending = client.post(url).headers(headers).body(body).send();
        let mut response = match tokio::time::timeout_at(deadline, sending).await {
            Err(_) => return Err(too_late()),
            Ok(Err(error)) if error.is_timeout() => return Err(too_late()),
            Ok(Err(error)) => return Err(reason(&error.without_url())),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(ToOwned::to_owned);
        let mut read = Vec::new();
        // The status has said it all: a body that does not end, or breaks off, changes nothing.
        while read.len() < READ {
            match tokio::time::timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) => read.extend_from_slice(&chunk[..chunk.len().min(READ - read.len())]),
                _ => break,
            }
        }
        Ok(Answer { status, retry_after, excerpt: excerpt(&read) })
    }

    fn build(&self) -> Result<Client, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS can't be used: {error}"))?;
        let verifying = builder.clone().with_platform_verifier().unwrap_or_else(|error| {
            tracing::error!(%error, "the system's certificates can't be read: no https receiver is believed");
            builder.with_root_certificates(RootCertStore::empty())
        });
        let tls = verifying.with_no_client_auth();
        Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(PublicResolver { private_addresses: self.private_addresses }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
            // Each attempt looks the name up again, and none meets a connection that the receiver has just given up.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tasks-management/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client can't be made: {}", reason(&error)))
    }
}

/// Looks names up and answers with public addresses only: what a name stands for may change after an endpoint was made.
struct PublicResolver {
    private_addresses: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_addresses = self.private_addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| private_addresses || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// An error with its causes, without the URL, which may hold a secret of the receiver's.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.chars().take(LONGEST_REASON).collect()
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

    #[tokio::test]
    async fn a_name_that_stands_for_private_addresses_only_leads_nowhere_unless_they_are_allowed() {
        let resolve = |private_addresses| {
            PublicResolver { private_addresses }.resolve("localhost".parse().expect("a name"))
        };
        let refused = resolve(false).await.err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("the host has no public address"));
        assert!(resolve(true).await.is_ok_and(|mut found| found.all(|address| address.ip().is_loopback())));
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
