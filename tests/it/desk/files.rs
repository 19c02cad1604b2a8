//! The files of the desk over HTTP, and the texts in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Backend, TestApp};

async fn served(own: impl FnOnce(&mut tasks_management::Settings)) -> TestApp {
    TestApp::start_with(Backend::Sqlite, own, |builder| builder).await
}

/// The path of a file as the page names it.
fn path_in(page: &str, name: &str) -> String {
    let end = page.find(&format!("/{name}\"")).expect("the page names the file");
    let start = page[..end].rfind('"').expect("a quote");
    format!("{}/{name}", &page[start + 1..end])
}

#[tokio::test]
async fn the_page_may_load_nothing_but_its_own_files_which_browsers_keep() {
    let app = served(|settings| settings.desk.prefix = "office/desk".to_owned()).await;
    let mut client = app.stranger();
    let moved = client.send("GET", "/office/desk", "").await;
    assert_eq!(
        (moved.status.as_u16(), &moved.headers["location"]),
        (308, &"/office/desk/".parse().expect("a path"))
    );
    let page = client.send("GET", "/office/desk/", "").await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().expect("a text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(
        !policy.contains("unsafe") && !page.text.contains("<script>") && !page.text.contains("style="),
        "{}",
        page.text
    );
    assert!(page.text.contains("data-endpoint=\"../../api/graphql\""), "{}", page.text);
    client
        .headers
        .push(("if-none-match".to_owned(), page.headers["etag"].to_str().expect("a text").to_owned()));
    assert_eq!(client.send("GET", "/office/desk/", "").await.status, 304);

    let path = format!("/office/desk/{}", path_in(&page.text, "start.js"));
    client.headers.clear();
    let plain = client.send("GET", &path, "").await;
    assert_eq!(plain.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(plain.headers["x-content-type-options"], "nosniff");
    client.headers.push(("accept-encoding".to_owned(), "gzip".to_owned()));
    let packed = client.send("GET", &path, "").await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_ne!(packed.headers["etag"], plain.headers["etag"]);
    // A page of another version gets a file that it does not keep.
    let other = client.send("GET", "/office/desk/desk/00/start.js", "").await;
    assert_eq!(
        (other.status.as_u16(), &other.headers["cache-control"]),
        (200, &"no-store".parse().expect("a value"))
    );
    for nothing in ["/office/desk/desk/00/nothing.js", "/office/desk/desk/00/../../Cargo.toml", "/"] {
        assert_eq!(client.send("GET", nothing, "").await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_host_that_wants_no_desk_gets_none() {
    let app = served(|settings| {
        settings.desk.enabled = false;
        settings.desk.prefix = "desk".to_owned();
    })
    .await;
    assert_eq!(app.stranger().send("GET", "/desk/", "").await.status, 404);
}

#[test]
fn paths_that_are_no_paths_and_prefixes_of_others_are_refused() {
    let refused = |own: &dyn Fn(&mut tasks_management::Settings)| {
        let mut settings = tasks_management::Settings::default();
        own(&mut settings);
        settings.check().expect_err("it is refused")
    };
    for prefix in ["api", "api/desk", "metrics", "a b", "/desk", "desk/"] {
        let reason = refused(&|settings| settings.desk.prefix = prefix.to_owned());
        assert!(reason.contains("desk.prefix"), "{prefix}: {reason}");
    }
    for path in ["https://elsewhere.example/logo.svg", "//elsewhere.example/logo.svg", "logo.svg"] {
        let reason = refused(&|settings| settings.desk.logo = path.to_owned());
        assert!(reason.contains("desk.logo"), "{path}: {reason}");
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/desk"))
}

fn texts(language: &str) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(folder().join(format!("messages/{language}.json")))
        .expect("the file is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The `{places}` of a text, in all its forms.
fn places(text: &Value) -> BTreeSet<String> {
    let text = text.to_string();
    let of = |part: &str| part.split_once('}').map(|(name, _)| name.to_owned());
    let all = text.split('{').skip(1).filter_map(of);
    all.filter(|name| name.chars().all(char::is_alphanumeric) && !name.is_empty()).collect()
}

#[test]
fn every_text_is_there_in_every_language_with_the_same_places() {
    let (english, french) = (texts("en"), texts("fr"));
    assert_eq!(english.keys().collect::<Vec<_>>(), french.keys().collect::<Vec<_>>());
    for (key, text) in &english {
        assert_eq!(places(text), places(&french[key]), "{key}");
        assert_eq!(text.is_object(), french[key].is_object(), "{key}");
    }
}

/// What the scripts say, without those of others.
fn scripts() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("vendor") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "js") {
                let source = std::fs::read_to_string(&path).expect("the file can be read");
                found.push((path, source));
            }
        }
    }
    found
}

#[test]
fn every_text_that_the_scripts_name_is_there() {
    let english = texts("en");
    let mut found = 0;
    for (path, source) in scripts() {
        for (start, _) in source.match_indices("t('") {
            // Skips the end of a longer word.
            let is_call = !source[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
            let key = source[start + 3..].split('\'').next().unwrap_or_default();
            if is_call && key != "mutation" {
                found += 1;
                assert!(english.contains_key(key), "{}: {key}", path.display());
            }
        }
    }
    assert!(found > 100, "only {found} texts were found");
}

#[test]
fn every_text_is_named_by_a_script_in_whole_or_by_its_beginning() {
    let scripts: String = scripts().into_iter().map(|(_, source)| source).collect();
    let whole: BTreeSet<&str> = scripts.split(['\'', '"']).collect();
    let begun: BTreeSet<&str> = scripts
        .split('`')
        .filter_map(|text| text.split_once("${").map(|(beginning, _)| beginning))
        .filter(|beginning| beginning.ends_with('.'))
        .collect();
    let is_named =
        |key: &str| whole.contains(key) || begun.iter().any(|beginning| key.starts_with(beginning));
    let dead: Vec<String> = texts("en").into_keys().filter(|key| !is_named(key)).collect();
    assert_eq!(dead, Vec::<String>::new());
    assert!(!is_named("app.nothing") && !is_named("listed"), "the test can fail");
}

/// Words of programs, which people who decide need not know.
#[test]
fn no_text_speaks_of_programs() {
    for (language, strange) in [
        ("en", &["executor", "json", "null", "graphql", "uuid", "mutation", "payload"][..]),
        ("fr", &["exécuteur", "json", "null", "graphql", "uuid", "mutation"]),
    ] {
        for (key, text) in texts(language) {
            let text = text.to_string().to_lowercase();
            for word in strange {
                assert!(!text.contains(word), "{language} {key}: {text}");
            }
        }
    }
}
