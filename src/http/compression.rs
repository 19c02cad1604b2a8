//! Gzip: decompresses bodies of requests within bounds, and compresses answers. Long ones are handled off the async threads.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::budget::Budget;

/// The shortest answer that is compressed, in bytes.
const SHORTEST: u64 = 512;

/// The longest answer that is compressed on the async thread, in bytes: it takes less than a millisecond.
const SHORT: usize = 64 * 1024;

/// Why a body can't be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacking {
    /// It holds more bytes than are allowed.
    TooLarge,
    /// It is no gzip, or breaks off.
    Broken,
}

/// Decompresses a body. It never decompresses more than `max` bytes.
///
/// # Errors
/// The reason why it can't be decompressed.
pub async fn unpack(packed: Bytes, max: usize) -> Result<Bytes, Unpacking> {
    let work = move || {
        let mut unpacked = Vec::new();
        let most = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        let read = MultiGzDecoder::new(&packed[..]).take(most).read_to_end(&mut unpacked);
        if unpacked.len() > max {
            return Err(Unpacking::TooLarge);
        }
        read.map_err(|_| Unpacking::Broken)?;
        Ok(Bytes::from(unpacked))
    };
    spawn_blocking(work).await.map_err(|_| Unpacking::Broken)?
}

/// The permits for compressing long answers, which bound how many are compressed at once.
#[must_use]
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(2))
}

/// Compresses answers for clients that accept gzip. Until then the turn of the request lasts, because the whole text is in
/// memory.
pub async fn pack(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let wanted = request.method() != Method::HEAD && accepts_gzip(request.headers());
    let mut response = next.run(request).await;
    let turn = response.extensions_mut().remove::<Arc<Budget>>();
    let size = response.body().size_hint().exact().unwrap_or(0);
    if size < SHORTEST || !is_text(response.headers()) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !wanted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The size is known, so the body is complete already.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let packed = packed(&places, bytes.clone()).await;
    drop(turn);
    match packed {
        Some(packed) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        None => Response::from_parts(parts, Body::from(bytes)),
    }
}

async fn packed(places: &Arc<Semaphore>, bytes: Bytes) -> Option<Vec<u8>> {
    let is_short = bytes.len() <= SHORT;
    let work = move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).ok()?;
        encoder.finish().ok()
    };
    if is_short {
        return work();
    }
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let packed = spawn_blocking(work).await.ok()?;
    drop(place);
    packed
}

/// Whether the client takes gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = lines.flat_map(|line| line.split(',')).filter_map(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused =
            weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().unwrap_or(0.0) <= 0.0);
        let coding = coding.trim().to_ascii_lowercase();
        ["gzip", "x-gzip", "*"].contains(&coding.as_str()).then_some((coding == "*", !refused))
    });
    // What a client says of gzip itself counts more than what it says of all other codings.
    codings.by_ref().min_by_key(|(is_rest, _)| *is_rest).is_some_and(|(_, accepted)| accepted)
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !headers.contains_key(header::CONTENT_ENCODING)
        && (kind.starts_with("text/") || kind.split(';').next().is_some_and(|kind| kind.ends_with("json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_accept_it_and_to_nobody_else() {
        let accepts = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT_ENCODING, line.parse().expect("a value"));
            }
            accepts_gzip(&headers)
        };
        for yes in [
            &["gzip"][..],
            &["br, GZIP;q=0.5"],
            &["*"],
            &["br", "x-gzip"],
            &["*;q=0, gzip"],
            &["gzip, *;q=0"],
        ] {
            assert!(accepts(yes), "{yes:?}");
        }
        for no in [
            &[][..],
            &["identity"],
            &["gzip;q=0"],
            &["gzip; q=0.0, *"],
            &["*;q=0"],
            &["br, zstd"],
            &["gzip;q=x"],
        ] {
            assert!(!accepts(no), "{no:?}");
        }
    }

    #[tokio::test]
    async fn a_long_answer_is_the_same_when_it_is_unpacked() {
        let text = Bytes::from("long ".repeat(100_000));
        let short = packed(&places(), text.slice(..1_000)).await.expect("it packs");
        let long = packed(&places(), text.clone()).await.expect("it packs");
        assert!(long.len() < text.len() / 10);
        assert_eq!(unpack(short.into(), 1_000).await.as_deref(), Ok(&text[..1_000]));
        assert_eq!(unpack(long.clone().into(), text.len()).await, Ok(text.clone()));
        assert_eq!(unpack(long.into(), text.len() - 1).await, Err(Unpacking::TooLarge));
    }
}
