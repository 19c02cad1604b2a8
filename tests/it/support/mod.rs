//! What every test works with: the module on a database of its own, spoken to through the real router.

pub mod app;
pub mod backend;
pub mod client;
pub mod example;
pub mod flow;
pub mod people;
pub mod program;
pub mod receiver;
pub mod rows;
pub mod scenario;
pub mod statements;
pub mod voting;

pub use app::TestApp;
pub use backend::Backend;
pub use client::{Answer, Client};

/// Declares tests that run on both databases: each becomes `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "not every test needs all of the module's imports")]
                use super::*;

                $(#[$meta])*
                async fn test($app: $crate::support::TestApp) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    test($crate::support::TestApp::start($crate::support::Backend::Sqlite).await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    test($crate::support::TestApp::start($crate::support::Backend::Postgres).await).await;
                }
            }
        )+
    };
}
pub(crate) use on_both;

/// Runs a test on both databases with a builder of its own.
macro_rules! on_both_with {
    ($name:ident, $test:ident) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $test($crate::support::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $test($crate::support::Backend::Postgres).await;
            }
        }
    };
}
pub(crate) use on_both_with;
