//! The server under test: the library in a process of its own, with hooks.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tasks_management::{Builder, FunctionError, Json, Settings, cli, function_runner};
use tokio::net::TcpListener;

use crate::books::Books;
use crate::functions::FUNCTIONS;
use crate::hooks::hooks;

/// The text before the address in the line that says where a server listens.
pub const LISTENING: &str = "listening on ";

/// Serves until the standard input ends, so that no server outlives the process that started it.
pub fn serve(slow: Duration) -> Result<(), String> {
    let settings = Settings::load(None)?;
    settings.check_secret()?;
    cli::begin_log(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime can't start: {error}"))?;
    let outcome = runtime.block_on(async {
        let books = Arc::new(Books::new(&settings.database.url));
        books.open().map_err(|error| format!("the handlers' tables can't be made: {error}"))?;
        let mut builder =
            Builder::new(settings).signals(hooks(&books, slow)).function_runner(function_runner());
        for name in FUNCTIONS {
            let books = Arc::clone(&books);
            builder = builder.function(name, move |call| {
                let books = Arc::clone(&books);
                async move {
                    books
                        .enter_run(&call.function_name, call.run_id)
                        .map_err(|error| FunctionError::new("books", error.to_string()))?;
                    // Long enough to be killed at work.
                    std::thread::sleep(Duration::from_millis(u64::from(call.run_id.as_bytes()[15]) / 3));
                    Ok(Json::Null)
                }
            });
        }
        let module = builder.build().map_err(say)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let _ = ended.send(());
        });
        writeln!(std::io::stdout(), "{LISTENING}{address}").map_err(|error| error.to_string())?;
        let stop = async move {
            let _ = end.await;
        };
        let is_finished = module.serve(listener, stop).await.map_err(say)?;
        if is_finished {
            Ok(())
        } else {
            Err("something was still under way when the grace ended".to_owned())
        }
    });
    runtime.shutdown_background();
    outcome
}

/// The text of an error and of its cause.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn say(error: tasks_management::Error) -> String {
    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
}
