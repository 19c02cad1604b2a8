//! TLS of what this program sends: by the host's provider of cryptography, and with the roots of the system.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

/// How many addresses of a host are tried.
const MOST_ADDRESSES: usize = 10;
/// How long an address may take to answer before the next one is tried too.
const HEAD_START: Duration = Duration::from_millis(300);
/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 300;

/// The provider of cryptography: the one that the host has installed as rustls' default, else ring, where that feature is
/// chosen. None is installed here, because which one is the default is for the host to say.
fn provider() -> Option<Arc<CryptoProvider>> {
    let provider = CryptoProvider::get_default().cloned();
    #[cfg(feature = "ring")]
    let provider = provider.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
    provider
}

/// TLS that believes the certificates of the system, or those of a file in their place.
///
/// # Errors
/// Why it can't be used, in words for operators.
pub fn connector(certificates: Option<&Path>) -> Result<TlsConnector, String> {
    let provider = provider().ok_or(
        "TLS can't be used: the program installs no default CryptoProvider of rustls, and was built without the feature `ring`",
    )?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS can't be used: {error}"))?;
    let verifying = match certificates {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => builder.clone().with_platform_verifier().unwrap_or_else(|error| {
            tracing::error!(%error, "the system's certificates can't be read: no server is believed");
            builder.with_root_certificates(RootCertStore::empty())
        }),
    };
    Ok(TlsConnector::from(Arc::new(verifying.with_no_client_auth())))
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let unusable = |error: &dyn std::error::Error| {
        format!("{} holds no certificates in PEM: {}", file.display(), reason(error))
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    Ok(roots)
}

/// Connects to the address that answers first. Each address has a head start over the next, so that a silent one does not
/// hold up the others.
///
/// # Errors
/// Why none answers.
pub async fn connect(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    let mut attempts = JoinSet::new();
    for (place, address) in (0..).zip(addresses.into_iter().take(MOST_ADDRESSES)) {
        attempts.spawn(async move {
            sleep(HEAD_START * place).await;
            TcpStream::connect(address).await
        });
    }
    let mut why = String::new();
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = reason(&error),
            Err(error) => why = reason(&error),
        }
    }
    Err(format!("no connection: {why}"))
}

/// An error with its causes.
pub fn reason(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_the_next_one_from_being_tried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let live = listener.local_addr().expect("an address");
        let dead = SocketAddr::from(([127, 0, 0, 1], 1));
        let stream = connect(vec![dead, live]).await.expect("the second answers");
        assert_eq!(stream.peer_addr().expect("an address"), live);
        let refused = connect(vec![dead]).await.expect_err("nobody listens");
        assert!(refused.starts_with("no connection: "), "{refused}");
    }

    /// What a host's own clients do by default is for the host to say.
    #[test]
    fn tls_installs_no_default_provider() {
        connector(None).expect("TLS can be used");
        assert!(CryptoProvider::get_default().is_none());
        let said = connector(Some(Path::new("Cargo.toml"))).err();
        // A file without a certificate believes nobody.
        assert!(said.is_none_or(|said| said.contains("Cargo.toml")));
    }
}
