//! What the crate brings into a host's program, by feature.

use std::collections::BTreeSet;
use std::process::Command;

/// The lines of `cargo tree`.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--no-dedupe"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The same with these features of ours.
fn tree_with(features: &str, more: &[&str]) -> BTreeSet<String> {
    tree(&[&["--no-default-features", "--features", features], more].concat())
}

fn names(lines: &BTreeSet<String>) -> BTreeSet<String> {
    lines.iter().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The names of the packages that are compiled.
fn packages(features: &str) -> BTreeSet<String> {
    names(&tree_with(features, &["--edges", "normal,build"]))
}

#[test]
fn the_smallest_host_gets_no_other_database_no_server_and_no_tls() {
    let small = packages("postgres");
    for other in [
        "argon2",
        "axum",
        "clap",
        "diesel_migrations",
        "hyper",
        "jsonwebtoken",
        "libsqlite3-sys",
        "mimalloc",
        "openssl-sys",
        "pq-src",
        "reqwest",
        "ring",
        "rquickjs",
        "rustls",
        "toml",
        "tower-http",
        "tracing-subscriber",
        "url",
    ] {
        assert!(!small.contains(other), "{other} is there");
    }
    assert!(small.contains("pq-sys"), "{small:?}");
    let others =
        ["diesel", "async-graphql"].map(|name| names(&tree(&["--edges", "normal,build", "--package", name])));
    let beyond = small.iter().filter(|name| !others.iter().any(|other| other.contains(*name))).count();
    let all = small.len();
    assert!(beyond <= 50 && all <= 160, "{beyond} packages beyond diesel and async-graphql, {all} in all");
    let sqlite = packages("sqlite");
    assert!(!sqlite.contains("pq-sys") && sqlite.contains("libsqlite3-sys"), "{sqlite:?}");
}

/// Features of one crate hold for the whole program. A host that chooses no provider of cryptography for rustls, or another
/// one, must not get a second one from us, because rustls' own default would panic then.
#[test]
fn only_the_feature_ring_chooses_rustls_cryptography() {
    let chosen = |features: &str| -> Vec<String> {
        let lines = tree_with(features, &["--edges", "normal,features", "--invert", "rustls"]);
        let of_rustls = lines.into_iter().filter(|line| line.starts_with("rustls feature"));
        of_rustls.filter(|line| ["ring", "aws", "fips"].iter().any(|name| line.contains(name))).collect()
    };
    assert_eq!(chosen("bundled,mail,postgres,server,sqlite,webhooks"), Vec::<String>::new());
    assert_eq!(chosen("mail,postgres,ring,webhooks").len(), 1);
}

/// So must `libpq`: built from source without TLS, it would take TLS from the host's own connections.
#[test]
fn only_the_feature_bundled_builds_libraries_from_source() {
    let bundled = |features: &str, package: &str| {
        let lines = tree_with(features, &["--edges", "normal,features", "--invert", package]);
        lines.iter().any(|line| {
            line.starts_with(package)
                && ["\"bundled\"", "\"bundled_without_openssl\""].iter().any(|name| line.contains(name))
        })
    };
    for package in ["pq-sys", "libsqlite3-sys"] {
        assert!(!bundled("postgres,ring,server,sqlite,webhooks", package), "{package}");
        assert!(bundled("bundled,postgres,sqlite", package), "{package}");
    }
}
