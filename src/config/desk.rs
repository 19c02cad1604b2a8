//! The desk: the page on which people work.

use serde::{Deserialize, Serialize};

use super::http::{HttpSettings, is_path_part};

/// The desk: the page on which people work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeskSettings {
    /// Whether the desk is served.
    pub enabled: bool,
    /// The first part of its paths, without outer slashes. Empty: `/`, which in a host's router is the host's.
    pub prefix: String,
    /// What it is called; empty: `Tasks`, in the reader's language.
    pub title: String,
    /// The path of a picture on the same host, which is shown beside the title.
    pub logo: String,
    /// The path of a host's own page to log in; empty: the desk asks for name and password.
    pub login_page: String,
    /// The path of a host's module of JavaScript with renderers for the data of its sources.
    pub extension: String,
    /// Whom a click logs in, as `name:password:what they do`, the last in English and, after a tab, in French. Only a demo may have such
    /// people.
    #[serde(skip)]
    pub people: Vec<String>,
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            prefix: String::new(),
            title: String::new(),
            logo: String::new(),
            login_page: String::new(),
            extension: String::new(),
            people: Vec::new(),
        }
    }
}

/// What the server has at its root beside the interface.
const TAKEN: &[&str] = &["healthz", "readyz", "metrics", "keepLegacyAlive"];

impl DeskSettings {
    /// Checks that the values are valid, and that the paths are nobody else's.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self, http: &HttpSettings) -> Result<(), String> {
        if !self.prefix.is_empty() {
            if !self.prefix.split('/').all(is_path_part) {
                return Err(format!(
                    "configuration: desk.prefix is {:?}, letters, digits, - and _ without outer slashes are allowed",
                    self.prefix
                ));
            }
            let first = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
            let own = first(&self.prefix);
            if own == first(&http.site_root) || TAKEN.contains(&own.as_str()) {
                return Err(format!(
                    "configuration: desk.prefix is {:?}, but paths that begin with /{own} are the server's already",
                    self.prefix
                ));
            }
        }
        let paths = [
            ("desk.logo", &self.logo),
            ("desk.login_page", &self.login_page),
            ("desk.extension", &self.extension),
        ];
        for (key, path) in paths {
            let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
            if !path.is_empty() && !is_path {
                return Err(format!(
                    "configuration: {key} is {path:?}, a path of the same host such as /logo.svg is needed"
                ));
            }
        }
        Ok(())
    }
}
