//! Settings of webhooks.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::text::check_code;
use crate::domain::webhook_endpoint::{MOST_SECRETS, Reach, check_events, is_secret};
use crate::domain::webhook_url::check_url;

/// Telling receivers in any language of events, by HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// Whether endpoints are told at all.
    pub enabled: bool,
    /// How many seconds an attempt may take, from looking up the name to the end of the answer.
    pub timeout_s: u64,
    /// The pauses between attempts, in seconds. A delivery that fails after the last pause is dead.
    pub retry_pauses_s: Vec<i64>,
    /// After how many days of failures, each within a day of the one before, an endpoint is disabled.
    pub disable_after_days: i64,
    /// Whether endpoints may stand at addresses that are not of the public Internet.
    pub allow_private_addresses: bool,
    /// Whether endpoints may stand at `http` URLs.
    pub allow_http: bool,
    /// How many endpoints there may be, beside those of the configuration.
    pub max_endpoints: i64,
    /// Endpoints that only the configuration changes.
    pub endpoints: Vec<ConfiguredEndpoint>,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            timeout_s: 15,
            retry_pauses_s: vec![5, 300, 1_800, 7_200, 18_000, 36_000, 36_000],
            disable_after_days: 5,
            allow_private_addresses: false,
            allow_http: false,
            max_endpoints: 100,
            endpoints: Vec::new(),
        }
    }
}

/// An endpoint of the configuration.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredEndpoint {
    /// Its name, by which a later start knows it.
    pub name: String,
    /// The URL to which events are sent.
    pub url: String,
    /// The names of the signals of which it is told. An empty list means all signals of tasks.
    #[serde(default)]
    pub events: Vec<String>,
    /// The secrets that sign its messages: one, or two while it is being changed, the new one first.
    #[serde(deserialize_with = "unquoted")]
    pub secrets: Vec<String>,
}

/// Reads a list of texts. The usual error about another value would quote it, and it may hold a secret.
fn unquoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let complaint = || D::Error::custom("`secrets` must be a list of texts");
    let found = serde_json::Value::deserialize(deserializer).map_err(|_| complaint())?;
    serde_json::from_value(found).map_err(|_| complaint())
}

/// Secrets stay out of logs.
impl std::fmt::Debug for ConfiguredEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfiguredEndpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

const MOST_PAUSES: usize = 100;
const LONGEST_PAUSE: i64 = 30 * 24 * 3_600;

impl WebhookSettings {
    /// Where endpoints may stand.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        Reach { private_addresses: self.allow_private_addresses, http: self.allow_http }
    }

    /// Checks that the values are valid and in range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=300).contains(&self.timeout_s) {
            return Err(format!(
                "configuration: webhooks.timeout_s is {}, 1 to 300 is allowed",
                self.timeout_s
            ));
        }
        if self.retry_pauses_s.len() > MOST_PAUSES {
            return Err(format!(
                "configuration: webhooks.retry_pauses_s holds more than {MOST_PAUSES} pauses"
            ));
        }
        if let Some(pause) = self.retry_pauses_s.iter().find(|pause| !(1..=LONGEST_PAUSE).contains(*pause)) {
            return Err(format!(
                "configuration: webhooks.retry_pauses_s holds {pause}, 1 to {LONGEST_PAUSE} is allowed"
            ));
        }
        if !(1..=3_650).contains(&self.disable_after_days) {
            return Err(format!(
                "configuration: webhooks.disable_after_days is {}, 1 to 3650 is allowed",
                self.disable_after_days
            ));
        }
        let mut names = BTreeSet::new();
        for endpoint in &self.endpoints {
            endpoint.check(self.reach()).map_err(|reason| {
                format!("configuration: webhooks.endpoints: {:?}: {reason}", endpoint.name)
            })?;
            if !names.insert(&endpoint.name) {
                return Err(format!(
                    "configuration: webhooks.endpoints: {:?} stands there twice",
                    endpoint.name
                ));
            }
        }
        Ok(())
    }
}

impl ConfiguredEndpoint {
    fn check(&self, reach: Reach) -> Result<(), String> {
        check_code("name", &self.name).map_err(|error| error.to_string())?;
        check_url("url", &self.url, reach).map_err(|error| error.to_string())?;
        check_events("events", &self.events).map_err(|error| error.to_string())?;
        if !(1..=MOST_SECRETS).contains(&self.secrets.len()) {
            return Err(format!("`secrets` holds {}, 1 or {MOST_SECRETS} are allowed", self.secrets.len()));
        }
        if !self.secrets.iter().all(|secret| is_secret(secret)) {
            return Err("`secrets` holds what is no secret: whsec_ and 24 to 64 random bytes in base64 are \
                        needed, as from `echo whsec_$(openssl rand -base64 32)`"
                .to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut WebhookSettings)) -> Result<(), String> {
        let mut settings = WebhookSettings { endpoints: vec![good()], ..WebhookSettings::default() };
        change(&mut settings);
        settings.check()
    }

    fn good() -> ConfiguredEndpoint {
        ConfiguredEndpoint {
            name: "books".to_owned(),
            url: "https://books.example.org/hook".to_owned(),
            events: vec!["task_service.complete_task".to_owned()],
            secrets: vec!["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned()],
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_quoted() {
        let mut written = serde_json::to_value(good()).expect("data");
        written["secrets"] = serde_json::json!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let reason = serde_json::from_value::<ConfiguredEndpoint>(written).expect_err("no list").to_string();
        assert!(reason.contains("list of texts") && !reason.contains("whsec_"), "{reason}");
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_said_and_its_secret_is_not() {
        assert_eq!(with(|_| {}), Ok(()));
        assert!(!format!("{:?}", good()).contains("whsec_"));
        for (word, reason) in [
            ("timeout_s", with(|settings| settings.timeout_s = 0)),
            ("retry_pauses_s", with(|settings| settings.retry_pauses_s.push(0))),
            ("disable_after_days", with(|settings| settings.disable_after_days = 0)),
            ("twice", with(|settings| settings.endpoints.push(good()))),
            ("name", with(|settings| settings.endpoints[0].name.clear())),
            ("https", with(|settings| settings.endpoints[0].url = "http://books.example.org".to_owned())),
            ("Internet", with(|settings| settings.endpoints[0].url = "https://10.0.0.1".to_owned())),
            (
                "task_service.lost",
                with(|settings| settings.endpoints[0].events = vec!["task_service.lost".to_owned()]),
            ),
            ("secrets", with(|settings| settings.endpoints[0].secrets.clear())),
            ("secrets", with(|settings| settings.endpoints[0].secrets = vec!["hunter-two".to_owned()])),
        ] {
            let reason = reason.expect_err(word);
            assert!(
                reason.contains(word) && !reason.contains("hunter") && !reason.contains("whsec_C2"),
                "{reason}"
            );
        }
    }
}
