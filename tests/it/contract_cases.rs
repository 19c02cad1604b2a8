//! The recorded traffic of the contract, case by case.

use crate::contract::{cases, replay};
use crate::support::{apply, on_both};

#[apply(on_both)]
async fn every_recorded_case_passes(app: TestApp) {
    let failures = replay(app.router.clone(), &cases()).await;
    let listed: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), listed.join("\n"));
}
