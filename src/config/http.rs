//! Where and how the server listens.

use serde::{Deserialize, Serialize};

use crate::domain::network::Network;

/// Where and how the server listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpSettings {
    /// IP address and port.
    pub listen: String,
    /// The first part of all paths of the interface, without slashes.
    pub site_root: String,
    /// Whether cookies are only sent over https.
    pub secure_cookies: bool,
    /// Whether the names of cookies begin with `__Host-`. Then no neighbouring host can set them, and they are bound to
    /// https.
    pub host_cookies: bool,
    /// Origins (`https://host`) whose pages may call the server with the user's cookies; none by default.
    pub cors_origins: Vec<String>,
    /// The addresses and networks of reverse proxies that are believed about the clients for whom they forward.
    pub trusted_proxies: Vec<Network>,
    /// How many seconds a request may take.
    pub request_timeout_s: u64,
    /// How many seconds a client may pause while it sends a body.
    pub body_timeout_s: u64,
    /// How many seconds the head of a request may take to come.
    pub head_timeout_s: u64,
    /// How many seconds a connection may wait for the next request.
    pub idle_timeout_s: u64,
    /// For how many seconds a client may read nothing of its answer.
    pub write_timeout_s: u64,
    /// How many connections there may be; fewer, if the system allows fewer open files.
    pub max_connections: usize,
    /// How many connections one address may have. On IPv6 a network of 64 bits counts as one address. Trusted proxies are
    /// not bounded.
    pub max_connections_per_address: usize,
    /// How many bytes of long answers are held until clients have read them.
    pub held_answer_bytes: usize,
    /// How many bytes of long bodies are held until they are read; half as many for one address.
    pub held_body_bytes: usize,
    /// How many seconds requests and deliveries under way may take to finish when the server stops.
    pub shutdown_grace_s: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            site_root: "api".to_owned(),
            secure_cookies: false,
            host_cookies: false,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            request_timeout_s: 60,
            body_timeout_s: 20,
            head_timeout_s: 10,
            idle_timeout_s: 75,
            write_timeout_s: 30,
            max_connections: 4_000,
            max_connections_per_address: 256,
            held_answer_bytes: 32 * 1024 * 1024,
            held_body_bytes: 64 * 1024 * 1024,
            shutdown_grace_s: 20,
        }
    }
}

impl HttpSettings {
    /// Checks that the values are valid and in range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        if self.listen.parse::<std::net::SocketAddr>().is_err() {
            return Err(format!(
                "configuration: http.listen is {:?}, an address and a port such as 127.0.0.1:8000 is needed",
                self.listen
            ));
        }
        if self.site_root.is_empty() || !self.site_root.split('/').all(is_path_part) {
            return Err(format!(
                "configuration: http.site_root is {:?}, letters, digits, - and _ without outer slashes are allowed",
                self.site_root
            ));
        }
        for origin in &self.cors_origins {
            if !(origin.starts_with("http://") || origin.starts_with("https://")) || origin.ends_with('/') {
                return Err(format!(
                    "configuration: http.cors_origins holds {origin:?}, an origin such as https://host is needed"
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn is_path_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
