//! The log of the program.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, LogSettings};
use crate::error::words_of;

/// Begins to log to the standard error, and logs panics too. Returns whether the log is JSON.
///
/// # Errors
/// A sentence that names the setting, or says why the log can't begin.
pub fn begin_log(settings: &LogSettings) -> Result<bool, String> {
    let filter = filter(&settings.filter)?;
    // The filter alone says what is logged.
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr);
    let is_json = settings.format == LogFormat::Json;
    if is_json {
        // Requests are the only spans, so the list of spans would say everything twice.
        lines.json().flatten_event(true).with_span_list(false).finish().with(filter).try_init()
    } else {
        lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).finish().with(filter).try_init()
    }
    .map_err(|error| format!("the log can't begin: {error}"))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(is_json)
}

/// Reads `level` and `target=level`, separated by commas. An empty text means `error`.
fn filter(text: &str) -> Result<Targets, String> {
    let wrong = |part: &str| {
        format!(
            "configuration: log.filter holds {part:?}; a level (off, error, warn, info, debug, trace) or target=level is \
             allowed, such as warn,tasks_management=debug"
        )
    };
    let mut filter = Targets::new();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    if parts.is_empty() {
        return Ok(filter.with_default(LevelFilter::ERROR));
    }
    for part in parts {
        let (target, level) =
            part.split_once('=').map_or((None, part), |(target, level)| (Some(target), level));
        // The library would read an empty text as a level.
        let level = Some(level.trim()).filter(|level| !level.is_empty());
        let level = level.and_then(|level| level.parse::<LevelFilter>().ok());
        filter = match (target.map(str::trim), level) {
            (None, Some(level)) => filter.with_default(level),
            (Some(target), Some(level)) if is_target(target) => filter.with_target(target, level),
            // Without a level all of a target is logged.
            (None, None) if is_target(part) => filter.with_target(part, LevelFilter::TRACE),
            _ => return Err(wrong(part)),
        };
    }
    Ok(filter)
}

fn is_target(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ':' | '.' | '/');
    !text.is_empty() && text.chars().all(is_letter)
}

/// A panic is a line of the log like any other, with the id of the request that it broke off.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let reason = words_of(panic.payload()).unwrap_or("a panic without words");
    let place = panic.location().map(ToString::to_string);
    let backtrace = std::backtrace::Backtrace::capture();
    let is_captured = backtrace.status() == std::backtrace::BacktraceStatus::Captured;
    let backtrace = is_captured.then(|| backtrace.to_string());
    tracing::error!(reason, place, backtrace, "a panic");
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_filter_is_a_level_and_levels_of_targets() {
        let logs =
            |text: &str, target: &str, level: Level| filter(text).expect(text).would_enable(target, &level);
        assert!(logs("info", "any", Level::INFO) && !logs("info", "any", Level::DEBUG));
        let both = "warn, tasks_management=DEBUG,";
        assert!(logs(both, "tasks_management::worker", Level::DEBUG) && !logs(both, "other", Level::INFO));
        let one = "tasks_management::worker=info";
        assert!(logs(one, "tasks_management::worker", Level::INFO) && !logs(one, "other", Level::ERROR));
        assert!(logs("tasks_management", "tasks_management", Level::TRACE));
        assert!(!logs("off", "any", Level::ERROR));
        assert!(logs("", "any", Level::ERROR) && !logs("", "any", Level::WARN));
    }

    #[test]
    fn a_filter_that_is_not_understood_is_quoted_with_what_is_allowed() {
        for wrong in ["info,x=loud", "=info", "x=", "span[{field=1}]=debug", "a b=info", "x=info=debug"] {
            let said = filter(wrong).expect_err(wrong);
            assert!(said.contains("log.filter") && said.contains("tasks_management=debug"), "{said}");
        }
    }
}
