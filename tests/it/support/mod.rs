//! The tools of all tests: the module on a database of its own, and a client that speaks to it through the real router.

pub mod anything;
pub mod app;
pub mod backend;
pub mod client;
pub mod example;
pub mod flow;
pub mod kept;
pub mod log;
pub mod people;
pub mod prepared;
pub mod program;
pub mod receiver;
pub mod rows;
pub mod scenario;
pub mod smtp;
pub mod snapshot;
pub mod socket;
pub mod statements;
pub mod until;
pub mod voting;

pub use app::TestApp;
pub use backend::Backend;
pub use client::{Answer, Client};
pub use snapshot::stable;
pub use until::until;

/// `#[apply(on_both)]` makes two tests, one for each database: `name::sqlite` and `name::postgres`. The test gets the module
/// on a fresh database that holds the fixture. If it starts the module itself, it gets the kind of database instead.
macro_rules! on_both {
    ($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp $(,)?) $body:block) => {
        $crate::support::on_both! {
            @test $(#[$meta])* $name, $app: $crate::support::TestApp, $body,
            |backend| $crate::support::TestApp::start(backend).await
        }
    };
    ($(#[$meta:meta])* async fn $name:ident($backend:ident: Backend $(,)?) $body:block) => {
        $crate::support::on_both! { @test $(#[$meta])* $name, $backend: $crate::support::Backend, $body, |backend| backend }
    };
    (@test $(#[$meta:meta])* $name:ident, $given:ident: $type:ty, $body:block, |$backend:ident| $start:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all of the module's imports")]
            use super::*;

            $(#[$meta])*
            async fn test($given: $type) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let $backend = $crate::support::Backend::Sqlite;
                test($start).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let $backend = $crate::support::Backend::Postgres;
                test($start).await;
            }
        }
    };
}
pub use macro_rules_attribute::apply;
pub(crate) use on_both;
