//! Settings of mails.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::text_file;
use crate::domain::text_enum::text_enum;

text_enum! {
    /// How the connection to the mail server is protected.
    pub enum MailSecurity {
        /// By TLS, which begins after a word in plain text. A server that does not offer it gets no mail.
        Starttls = "starttls",
        /// By TLS from the beginning.
        Tls = "tls",
        /// Not at all: for a server on the same machine, or in a network that is trusted.
        None = "none",
    }
}

/// Mails to people, by SMTP. They are off until `host` is set.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MailSettings {
    /// The mail server. Without one, no mail is sent.
    pub host: String,
    /// Its port; 0: the usual one of the security (587, 465, 25).
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// A file with certificates in PEM that vouch for the server, in place of the system's; none if empty.
    pub ca_file: PathBuf,
    /// The name to log in with at the server; none if empty.
    pub username: String,
    /// The password for that.
    pub password: String,
    /// A file whose first line is the password, in place of `password`; none if empty.
    pub password_file: PathBuf,
    /// From whom mails come: `tasks@example.org`, or `Tasks <tasks@example.org>`.
    pub from: String,
    /// The address at which people find the desk, for links. Without it, mails hold no links.
    pub public_url: String,
    /// Where a task is shown, with `{id}` in place of its id; empty: on the desk at `public_url`.
    pub task_url: String,
    /// Where a person sets a new password, with `{username}` and `{token}`; empty: the mail shows the token.
    pub reset_url: String,
    /// The language of mails to people whose own language has no template.
    pub language: String,
    /// Whether people are told of tasks that await them, are overdue or decided, without any dispatcher.
    pub notify: bool,
    /// How many mails a digest lists at most; it says how many more there are.
    pub digest_items: usize,
    /// How many seconds sending one mail may take.
    pub timeout_s: u64,
    /// How many connections to the mail server each process has at once.
    pub connections: usize,
    /// The pauses between attempts, in seconds. A mail that fails after the last pause is dead.
    pub retry_pauses_s: Vec<i64>,
    /// How often strangers from one network may ask for new passwords in `auth.failure_window_s`.
    pub resets_per_address: i32,
    /// How many mails for a new password one person gets in `auth.failure_window_s`.
    pub resets_per_user: i32,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            security: MailSecurity::Starttls,
            ca_file: PathBuf::new(),
            username: String::new(),
            password: String::new(),
            password_file: PathBuf::new(),
            from: String::new(),
            public_url: String::new(),
            task_url: String::new(),
            reset_url: String::new(),
            language: "en".to_owned(),
            notify: true,
            digest_items: 50,
            timeout_s: 30,
            connections: 4,
            retry_pauses_s: vec![60, 300, 1_800, 7_200, 18_000, 36_000, 36_000],
            resets_per_address: 20,
            resets_per_user: 3,
        }
    }
}

/// The password stays out of logs.
impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings").field("host", &self.host).finish_non_exhaustive()
    }
}

const MOST_PAUSES: usize = 100;
const LONGEST_PAUSE: i64 = 30 * 24 * 3_600;

impl MailSettings {
    /// Whether mails are sent at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.host.is_empty() && cfg!(feature = "mail")
    }

    /// The port of the server.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match (self.port, self.security) {
            (0, MailSecurity::Starttls) => 587,
            (0, MailSecurity::Tls) => 465,
            (0, MailSecurity::None) => 25,
            (port, _) => port,
        }
    }

    /// The password, from the other settings.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn secret(&self) -> Result<String, String> {
        let has_file = !self.password_file.as_os_str().is_empty();
        match (self.password.as_str(), has_file) {
            ("", true) => {
                let text = text_file::read(&self.password_file)
                    .map_err(|error| format!("mail.password_file: {error}"))?;
                Ok(text.lines().next().unwrap_or_default().to_owned())
            }
            (password, false) => Ok(password.to_owned()),
            (_, true) => Err("mail.password and mail.password_file are both set: leave one out".to_owned()),
        }
    }

    /// Where people find this task; none without an address.
    #[must_use]
    pub fn task_link(&self, id: &str) -> Option<String> {
        match (self.task_url.as_str(), self.public_url.as_str()) {
            ("", "") => None,
            ("", desk) => Some(format!("{}/?task={id}", desk.trim_end_matches('/'))),
            (pattern, _) => Some(pattern.replace("{id}", id)),
        }
    }

    /// Where this person sets a new password; none without an address.
    #[must_use]
    pub fn reset_link(&self, username: &str, token: &str) -> Option<String> {
        let link = self.reset_url.replace("{username}", &in_url(username)).replace("{token}", token);
        Some(link).filter(|link| !link.is_empty())
    }

    /// Checks that the values are valid and in range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |what: String| Err(format!("configuration: mail.{what}"));
        if !(1..=300).contains(&self.timeout_s) {
            return wrong(format!("timeout_s is {}, 1 to 300 is allowed", self.timeout_s));
        }
        if !(1..=20).contains(&self.connections) {
            return wrong(format!("connections is {}, 1 to 20 is allowed", self.connections));
        }
        if !(1..=500).contains(&self.digest_items) {
            return wrong(format!("digest_items is {}, 1 to 500 is allowed", self.digest_items));
        }
        for (key, count) in
            [("resets_per_address", self.resets_per_address), ("resets_per_user", self.resets_per_user)]
        {
            if count < 1 {
                return wrong(format!("{key} is {count}, at least 1 is allowed"));
            }
        }
        if self.retry_pauses_s.len() > MOST_PAUSES {
            return wrong(format!("retry_pauses_s holds more than {MOST_PAUSES} pauses"));
        }
        if let Some(pause) = self.retry_pauses_s.iter().find(|pause| !(1..=LONGEST_PAUSE).contains(*pause)) {
            return wrong(format!("retry_pauses_s holds {pause}, 1 to {LONGEST_PAUSE} is allowed"));
        }
        for (key, url) in
            [("public_url", &self.public_url), ("task_url", &self.task_url), ("reset_url", &self.reset_url)]
        {
            let is_address = url.starts_with("https://") || url.starts_with("http://");
            if !url.is_empty() && (!is_address || url.contains(|c: char| c.is_whitespace() || c.is_control()))
            {
                return wrong(format!(
                    "{key} is {url:?}, an address such as https://tasks.example.org is needed"
                ));
            }
        }
        if self.host.is_empty() {
            return Ok(());
        }
        if self.from.is_empty() {
            return wrong("from is missing: from whom do mails come?".to_owned());
        }
        let is_here = matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.security == MailSecurity::None && !self.username.is_empty() && !is_here {
            return wrong(
                "security is none, but there is a password: it would be sent to another machine in plain text"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// A text as a value in a URL.
fn in_url(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut MailSettings)) -> Result<(), String> {
        let mut settings = MailSettings {
            host: "mail.example.org".to_owned(),
            from: "tasks@example.org".to_owned(),
            ..MailSettings::default()
        };
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        assert_eq!(MailSettings::default().check(), Ok(()));
        assert_eq!(with(|_| {}), Ok(()));
        for (key, wrong) in [
            ("timeout_s", with(|settings| settings.timeout_s = 0)),
            ("connections", with(|settings| settings.connections = 0)),
            ("digest_items", with(|settings| settings.digest_items = 0)),
            ("resets_per_user", with(|settings| settings.resets_per_user = 0)),
            ("retry_pauses_s", with(|settings| settings.retry_pauses_s.push(0))),
            ("public_url", with(|settings| settings.public_url = "tasks.example.org".to_owned())),
            ("reset_url", with(|settings| settings.reset_url = "https://a/\n".to_owned())),
            ("from", with(|settings| settings.from.clear())),
            (
                "security",
                with(|settings| {
                    settings.security = MailSecurity::None;
                    settings.username = "tasks".to_owned();
                }),
            ),
        ] {
            let said = wrong.expect_err(key);
            assert!(said.contains(&format!("mail.{key}")), "{said}");
        }
    }

    #[test]
    fn links_lead_to_the_desk_or_where_a_pattern_says() {
        let mut settings = MailSettings::default();
        assert_eq!(settings.task_link("7"), None);
        assert_eq!(settings.reset_link("a b", "t"), None);
        settings.public_url = "https://tasks.example.org/".to_owned();
        assert_eq!(settings.task_link("7").as_deref(), Some("https://tasks.example.org/?task=7"));
        settings.task_url = "https://front/tasks/{id}".to_owned();
        settings.reset_url = "https://front/set?user={username}&token={token}".to_owned();
        assert_eq!(settings.task_link("7").as_deref(), Some("https://front/tasks/7"));
        assert_eq!(
            settings.reset_link("a&b é", "t-_").as_deref(),
            Some("https://front/set?user=a%26b%20%C3%A9&token=t-_")
        );
    }
}
