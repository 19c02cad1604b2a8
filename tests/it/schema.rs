//! The schema: kept in a file, and a superset of the original's.

use tasks_management::{Builder, Settings};

fn sdl() -> String {
    let settings = Settings::default();
    Builder::new(settings)
        .build()
        .expect("the defaults are fine")
        .sdl()
}

#[test]
fn schema_graphql_is_current() {
    let kept = include_str!("../../schema.graphql");
    assert_eq!(
        kept.trim_end(),
        sdl().trim_end(),
        "run `cargo run -- schema > schema.graphql`"
    );
}
