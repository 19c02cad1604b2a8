//! A host's own TLS clients beside the module's webhooks. rustls keeps one default provider of cryptography for a process, so
//! each of these tests runs once more, in a process of its own.
//!
//! `tests/it/packaging.rs` shows that no feature but `ring` chooses a provider. So no host with another one, such as aws-lc-rs,
//! is compiled here: its C code would take longer than all of these tests, and be among the packages of `Cargo.lock`.

use std::process::Command;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use tasks_management::CreateTask;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::support::{Backend, TestApp};
use crate::webhook_deliveries::{endpoint, nearby};

/// TLS13_CHACHA20_POLY1305_SHA256, by which a host's own provider is told.
const HOSTS_CIPHER: u16 = 0x1303;

fn hosts_provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| u16::from(suite.suite()) == HOSTS_CIPHER);
    provider
}

/// Runs a test of this file alone in its process.
fn alone<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    const ALONE: &str = "TASKS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return tokio::runtime::Runtime::new().expect("a runtime").block_on(body());
    }
    let mut command = Command::new(std::env::current_exe().expect("the test is a program"));
    command.args(["--exact", &format!("host_clients::{test}")]).env(ALONE, "1");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" 1 passed"), "{said}");
}

/// Has the module tell a webhook by https; returns the ciphers that it offers.
async fn ciphers_of_a_webhook() -> Vec<u16> {
    let app = TestApp::start_with(Backend::Sqlite, nearby, |builder| builder).await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}/", receiver.local_addr().expect("an address"));
    endpoint(&app, "books", &url, &[]).await;
    let admin = app.module.requester("admin").await.expect("admin");
    app.module.tasks().create(&admin, CreateTask::default()).await.expect("a task");
    let hello = async {
        let (mut stream, _) = receiver.accept().await.expect("the module connects");
        let mut head = [0; 44];
        stream.read_exact(&mut head).await.expect("the head of a ClientHello");
        let mut rest = vec![0; usize::from(head[43]) + 2];
        stream.read_exact(&mut rest).await.expect("the session, and the length of the ciphers");
        let length = u16::from_be_bytes([rest[rest.len() - 2], rest[rest.len() - 1]]);
        let mut ciphers = vec![0; usize::from(length)];
        stream.read_exact(&mut ciphers).await.expect("the ciphers");
        ciphers.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    };
    let (ciphers, delivered) = tokio::join!(hello, app.module.deliver_due());
    assert_eq!(delivered.expect("it tries"), 1);
    ciphers
}

fn ciphers_of_the_hosts_clients() -> Vec<u16> {
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.crypto_provider().cipher_suites.iter().map(|suite| suite.suite().into()).collect()
}

#[test]
fn webhooks_by_https_leave_the_process_provider_to_the_host() {
    alone("webhooks_by_https_leave_the_process_provider_to_the_host", || async {
        assert!(ciphers_of_a_webhook().await.len() > 2, "the feature `ring` is enough for webhooks");
        assert!(CryptoProvider::get_default().is_none());
        hosts_provider().install_default().expect("nobody has installed one");
        assert_eq!(ciphers_of_the_hosts_clients(), [HOSTS_CIPHER]);
    });
}

#[test]
fn webhooks_by_https_use_the_provider_that_the_host_has_installed() {
    alone("webhooks_by_https_use_the_provider_that_the_host_has_installed", || async {
        hosts_provider().install_default().expect("nobody has installed one");
        let mut offered = ciphers_of_a_webhook().await;
        // A mark that TLS 1.2 has among the ciphers.
        offered.retain(|cipher| *cipher != 0x00ff);
        assert_eq!(offered, [HOSTS_CIPHER]);
        assert_eq!(ciphers_of_the_hosts_clients(), [HOSTS_CIPHER]);
    });
}
