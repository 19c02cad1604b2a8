//! Metrics of the process, kept for Prometheus to read as text. Measurements come through the facade `metrics`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{
    Counter, Gauge, GaugeFn as _, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};

/// The upper bounds of a histogram's buckets, in seconds: all histograms are of durations.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All measurements. Clones share them.
#[derive(Clone, Default)]
pub struct Prometheus(Arc<Measured>);

#[derive(Default)]
struct Measured {
    counters: Series<AtomicU64>,
    gauges: Series<AtomicU64>,
    histograms: Series<Buckets>,
}

/// Values by name and labels.
type Series<T> = RwLock<BTreeMap<Key, Arc<T>>>;

/// How many values each bucket holds (the last one those above all bounds), and the sum of all values, as the bits of an
/// `f64`.
#[derive(Default)]
struct Buckets {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Prometheus {
    /// All measurements, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        write_series(&mut text, "counter", &self.0.counters, |text, key, counter| {
            write_line(text, key, "", None, counter.load(Ordering::Acquire));
        });
        write_series(&mut text, "gauge", &self.0.gauges, |text, key, gauge| {
            write_line(text, key, "", None, f64::from_bits(gauge.load(Ordering::Acquire)));
        });
        write_series(&mut text, "histogram", &self.0.histograms, |text, key, buckets| {
            let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            let mut below = 0;
            for (bound, count) in bounds.zip(&buckets.counts) {
                below += count.load(Ordering::Acquire);
                write_line(text, key, "_bucket", Some(&bound), below);
            }
            write_line(text, key, "_sum", None, f64::from_bits(buckets.sum.load(Ordering::Acquire)));
            write_line(text, key, "_count", None, below);
        });
        text
    }
}

impl Recorder for Prometheus {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(one_of(&self.0.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(one_of(&self.0.gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(one_of(&self.0.histograms, key))
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let place = BOUNDS.iter().position(|bound| value <= *bound).unwrap_or(BOUNDS.len());
        self.counts[place].fetch_add(1, Ordering::Release);
        self.sum.increment(value);
    }
}

/// The value with this name and these labels, made at its first measurement.
fn one_of<T: Default>(series: &Series<T>, key: &Key) -> Arc<T> {
    if let Some(known) = series.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return Arc::clone(known);
    }
    let mut series = series.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(series.entry(key.clone()).or_default())
}

fn write_series<T>(text: &mut String, kind: &str, series: &Series<T>, write: impl Fn(&mut String, &Key, &T)) {
    let series = series.read().unwrap_or_else(PoisonError::into_inner);
    let mut last = None;
    for (key, value) in series.iter() {
        if last.replace(key.name()) != Some(key.name()) {
            let _ = writeln!(text, "# TYPE {} {kind}", plain(key.name()));
        }
        write(text, key, value);
    }
}

fn write_line(text: &mut String, key: &Key, suffix: &str, bound: Option<&str>, value: impl Display) {
    let labels = key.labels().map(|label| (plain(label.key()), label.value()));
    let labels = labels.chain(bound.map(|bound| ("le".to_owned(), bound)));
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{}{suffix}{labels} {value}", plain(key.name()));
}

/// A name with only the characters that Prometheus allows.
fn plain(name: &str) -> String {
    name.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_', "_")
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_written_by_kind_name_and_labels() {
        let prometheus = Prometheus::default();
        metrics::with_local_recorder(&prometheus, || {
            for (result, times) in [("granted", 2), ("re\"fu\\sed\n", 1)] {
                metrics::counter!("logins_total", "result" => result).increment(times);
                metrics::counter!("logins_total", "result" => result).increment(1);
            }
            metrics::gauge!("lag.seconds").set(2.5);
            for seconds in [0.004, 0.005, 0.3, 20.0] {
                metrics::histogram!("request_seconds").record(seconds);
            }
        });
        let expected = r#"# TYPE logins_total counter
logins_total{result="granted"} 3
logins_total{result="re\"fu\\sed\n"} 2
# TYPE lag_seconds gauge
lag_seconds 2.5
# TYPE request_seconds histogram
request_seconds_bucket{le="0.005"} 2
request_seconds_bucket{le="0.01"} 2
request_seconds_bucket{le="0.025"} 2
request_seconds_bucket{le="0.05"} 2
request_seconds_bucket{le="0.1"} 2
request_seconds_bucket{le="0.25"} 2
request_seconds_bucket{le="0.5"} 3
request_seconds_bucket{le="1"} 3
request_seconds_bucket{le="2.5"} 3
request_seconds_bucket{le="5"} 3
request_seconds_bucket{le="10"} 3
request_seconds_bucket{le="+Inf"} 4
request_seconds_sum 20.309
request_seconds_count 4
"#;
        assert_eq!(prometheus.render(), expected);
    }
}
