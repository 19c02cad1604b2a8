//! The desk: a page on which people work. It is made of the files in `assets/desk/`, which are in the binary; browsers get them
//! without our comments. What it does, it does through the public interface.

mod comments;
mod imports;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::compression::accepts_gzip;
use super::request::header as text_header;
use super::state::App;
use crate::config::{DeskSettings, HttpSettings};

/// What the page may load and do: nothing but its own, and nothing that makes code or markup of a text.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The page itself, in which `{…}` is filled.
const PAGE: &[u8] = include_bytes!("../../assets/desk/index.html");

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../assets/desk/", $name)) as &[u8])),*]
    };
}

/// The files of the page by their names. A test holds the list against the folder.
static FILES: &[(&str, &[u8])] = files! {
    "address.js" "api.js" "compare.js" "desk.css" "drafts.js" "failure.js" "focus.js" "groups.js" "html.js" "icon.svg" "keys.js"
    "later.js" "lists.js" "live.js" "messages.js" "messages/en.json" "messages/fr.json" "notices.js" "paging.js" "paint.js" "place.js"
    "query.js" "records.js" "renderers.js" "session.js" "start.js" "task.js" "text.js" "vendor/LICENSE-htm"
    "vendor/LICENSE-preact" "vendor/LICENSE-signals" "vendor/hooks.js" "vendor/htm.js" "vendor/preact.js"
    "vendor/signals-core.js" "vendor/signals.js" "views/assign.js" "views/bulk.js" "views/comments.js" "views/comparison.js"
    "views/decide.js" "views/dialog.js" "views/filters.js" "views/frame.js" "views/help.js" "views/history.js" "views/list.js" "views/login.js"
    "views/marks.js" "views/mentions.js" "views/overview.js" "views/password.js" "views/plan.js" "views/progress.js"
    "views/records.js" "views/rows.js" "views/runs.js" "views/task.js" "views/triage.js" "views/value.js"
};

/// A file as it is sent.
struct File {
    name: &'static str,
    bytes: Cow<'static, [u8]>,
    kind: &'static str,
    hash: String,
    packed: OnceLock<Bytes>,
}

/// The files, and a mark that changes with any of them: part of their paths, so that browsers keep them for good.
static SERVED: LazyLock<(Vec<File>, String)> = LazyLock::new(|| {
    let files: Vec<File> = FILES
        .iter()
        .map(|&(name, bytes)| {
            let bytes = for_browsers(name, at_hand(name, bytes));
            File { name, hash: hash(&bytes), bytes, kind: kind(name), packed: OnceLock::new() }
        })
        .collect();
    let all: String = files.iter().map(|file| file.hash.as_str()).collect();
    let mark = hash(all.as_bytes());
    (files, mark)
});

/// A file as it is in the binary. A program for developers reads it from the folder, so that a change of the desk needs no compiler.
fn at_hand(name: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
    if cfg!(debug_assertions) {
        let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/desk")).join(name);
        if let Ok(bytes) = std::fs::read(path) {
            return bytes.into();
        }
    }
    bytes.into()
}

/// A file as browsers get it. What others have written stays as it is.
fn for_browsers(name: &str, bytes: Cow<'static, [u8]>) -> Cow<'static, [u8]> {
    let is_ours = !name.starts_with("vendor/") && matches!(name.rsplit('.').next(), Some("js" | "css"));
    if !is_ours {
        return bytes;
    }
    comments::without(&String::from_utf8_lossy(&bytes)).into_bytes().into()
}

/// The paths of the desk, if it is served here. `alone`: the server is nothing else, so that `/` can be the desk's.
pub fn routes(app: &App, alone: bool) -> Router<App> {
    let desk = &app.desk;
    if !desk.enabled || (desk.prefix.is_empty() && !alone) {
        return Router::new();
    }
    let root = if desk.prefix.is_empty() { "/".to_owned() } else { format!("/{}/", desk.prefix) };
    let page = Arc::new(page(desk, &app.http, app.services.mail.is_on()));
    let tag = format!("\"{}\"", hash(page.as_bytes()));
    let answer = async move |headers: HeaderMap| {
        let fields = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, tag.as_str()),
        ];
        if is_known(&headers, &tag) {
            return (StatusCode::NOT_MODIFIED, fields).into_response();
        }
        (fields, page.as_str().to_owned()).into_response()
    };
    let router =
        Router::new().route(&root, get(answer)).route(&format!("{root}desk/{{mark}}/{{*name}}"), get(file));
    if desk.prefix.is_empty() {
        return router;
    }
    // The addresses in the page are relative to the folder.
    let to_folder = async |OriginalUri(uri): OriginalUri| Redirect::permanent(&format!("{}/", uri.path()));
    router.route(&format!("/{}", desk.prefix), get(to_folder))
}

/// Whether the desk is at `/` of a server that is nothing else.
pub fn is_home(desk: &DeskSettings) -> bool {
    desk.enabled && desk.prefix.is_empty()
}

async fn file(Path((mark, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let (files, own) = &*SERVED;
    let Some(file) = files.iter().find(|file| file.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let packed = accepts_gzip(&headers);
    let tag = format!("\"{}{}\"", file.hash, if packed { "-gzip" } else { "" });
    // While servers are replaced, a page of another version may ask here; what it gets is not kept under that version's path.
    let keep = if mark == *own { "public, max-age=31536000, immutable" } else { "no-store" };
    let fields =
        [(header::CONTENT_TYPE, file.kind), (header::CACHE_CONTROL, keep), (header::ETAG, tag.as_str())];
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    if !packed {
        return (fields, file.bytes.to_vec()).into_response();
    }
    let coding = [(header::CONTENT_ENCODING, "gzip"), (header::VARY, "accept-encoding")];
    (fields, coding, file.packed()).into_response()
}

impl File {
    /// The file compressed as well as can be, which is done once.
    fn packed(&self) -> Bytes {
        let pack = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to memory does not fail.
            let _ = encoder.write_all(&self.bytes);
            encoder.finish().unwrap_or_default().into()
        };
        self.packed.get_or_init(pack).clone()
    }
}

/// The scripts without which the page does not begin. Views come later.
fn needed_first(files: &[File]) -> BTreeSet<String> {
    imports::all_of("start.js", |name| {
        let file = files.iter().find(|file| file.name == name)?;
        Some(String::from_utf8_lossy(&file.bytes))
    })
}

/// The page. `mails`: mails are sent, so that whoever has forgotten a password can have a link sent.
fn page(desk: &DeskSettings, http: &HttpSettings, mails: bool) -> String {
    let (files, mark) = &*SERVED;
    let folder = format!("desk/{mark}");
    let preloads = needed_first(files).iter().fold(String::new(), |mut all, name| {
        let _ = write!(all, "<link rel=\"modulepreload\" href=\"{folder}/{name}\" />");
        all
    });
    let up = if desk.prefix.is_empty() { 0 } else { desk.prefix.split('/').count() };
    let endpoint = format!("{}{}/graphql", "../".repeat(up), http.site_root);
    let people = desk.people.join("\n");
    let said = [
        ("endpoint", endpoint.as_str()),
        ("title", desk.title.as_str()),
        ("logo", desk.logo.as_str()),
        ("login", desk.login_page.as_str()),
        ("extension", desk.extension.as_str()),
        ("people", people.as_str()),
        ("mails", if mails { "on" } else { "" }),
    ];
    let place: Vec<String> =
        said.iter().map(|(key, value)| format!("data-{key}=\"{}\"", escaped(value))).collect();
    let title = if desk.title.is_empty() { "Tasks".to_owned() } else { escaped(&desk.title) };
    let page = at_hand("index.html", PAGE);
    String::from_utf8_lossy(&page)
        .replace("{files}", &folder)
        .replace("{preloads}", &preloads)
        .replace("{place}", &place.join(" "))
        .replace("{title}", &title)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(10).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether the client has this already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = text_header(headers, "if-none-match").unwrap_or_default();
    known.split(',').any(|item| [tag, "*"].contains(&item.trim().trim_start_matches("W/")))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let entry = entry.expect("an entry");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                names(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let mut found = BTreeSet::new();
        names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/desk"), "", &mut found);
        found.retain(|name| !["index.html", "vendor/README.md"].contains(&name.as_str()));
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn all_that_a_page_may_load_is_at_most_90_kilobytes() {
        let files = SERVED.0.iter().filter(|file| !file.name.contains("LICENSE"));
        let all: usize = files.map(|file| file.packed().len()).sum();
        assert!(all <= 90_000, "{all} bytes");
    }

    #[test]
    fn the_page_begins_with_what_its_first_sight_needs_and_views_come_later() {
        let first = needed_first(&SERVED.0);
        for needed in
            ["start.js", "vendor/preact.js", "vendor/signals-core.js", "views/list.js", "views/rows.js"]
        {
            assert!(first.contains(needed), "{needed}: {first:?}");
        }
        for later in
            ["views/task.js", "views/triage.js", "views/bulk.js", "views/comparison.js", "compare.js"]
        {
            assert!(!first.contains(later), "{later}: {first:?}");
        }
    }

    #[test]
    fn texts_of_the_settings_are_texts_in_the_page() {
        let desk = DeskSettings { title: "<script>\"&".to_owned(), ..DeskSettings::default() };
        let page = page(&desk, &HttpSettings::default(), false);
        assert!(
            page.contains("data-title=\"&lt;script&gt;&quot;&amp;\"") && !page.contains("<script>\"&"),
            "{page}"
        );
    }
}
