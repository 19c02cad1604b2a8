//! The settings: the file of defaults and the README name every key, with the default that the program has.

use std::path::Path;

use serde_json::Value;
use tasks_management::Settings;

use crate::support::{apply, on_both};

/// `section.key` and its value, for every setting.
fn defaults() -> Vec<(String, Value)> {
    let all = serde_json::to_value(Settings::default()).expect("settings are data");
    let sections = all.as_object().expect("sections");
    let mut keys = Vec::new();
    for (section, values) in sections {
        for (key, value) in values.as_object().expect("a section") {
            keys.push((format!("{section}.{key}"), value.clone()));
        }
    }
    assert!(keys.len() > 40, "only {} keys", keys.len());
    keys
}

#[test]
fn the_file_of_defaults_names_every_key_with_its_default_and_changes_nothing() {
    let text = include_str!("../../config/default.toml");
    assert!(
        text.lines().all(|line| line.is_empty() || line.starts_with(['#', '['])),
        "every key of config/default.toml is commented out"
    );
    // Uncommented, it says the same as the program.
    let is_key = |line: &str| {
        line.strip_prefix('#').and_then(|rest| rest.split_once(" = ")).is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
    };
    let uncommented: Vec<&str> =
        text.lines().map(|line| if is_key(line) { line.trim_start_matches('#') } else { line }).collect();
    let path = std::env::temp_dir().join(format!("tasks_it_defaults_{}.toml", std::process::id()));
    std::fs::write(&path, uncommented.join("\n")).expect("the file is written");
    let loaded = Settings::load(Some(&path));
    std::fs::remove_file(&path).expect("the file goes");
    let loaded = serde_json::to_value(loaded.expect("it loads")).expect("settings are data");
    assert_eq!(loaded, serde_json::to_value(Settings::default()).expect("settings are data"));
    for (key, _) in defaults() {
        let (_, name) = key.split_once('.').expect("a section");
        assert!(
            uncommented.iter().any(|line| line.starts_with(&format!("{name} = "))),
            "{key} is not in the file"
        );
    }
}

#[test]
fn the_readme_names_every_key() {
    let readme = include_str!("../../README.md");
    for (key, _) in defaults() {
        let (_, name) = key.split_once('.').expect("a section");
        assert!(readme.contains(name), "README.md does not name {key}");
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let reason = Settings::load(Some(Path::new("nowhere.toml"))).expect_err("it is not there");
    assert!(reason.contains("nowhere.toml"), "{reason}");
}

#[apply(on_both)]
async fn a_host_sees_the_settings_that_are_in_force(app: TestApp) {
    let settings = app.module.settings().await.expect("the settings");
    assert!(!settings.tasks_management.forbid_maker);
    app.run(
        "INSERT INTO core_moduleconfiguration (id, module, layer, version, config, is_exposed, controls) VALUES \
         ('6c0f1f5e-94a9-4d1b-8a3c-1f6c1c7c0e02', 'tasks_management', 'BE', '1', '{\"forbid_maker\": true}', false, '[]')",
    );
    // The row is read again after a second.
    while !app.module.settings().await.expect("the settings").tasks_management.forbid_maker {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(app.module.settings().await.expect("the settings").database.pool_size, 6);
}
