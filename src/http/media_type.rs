//! The media type of GraphQL answers, by what the client accepts.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

/// The media type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, for clients that do not ask for the other. The status also tells the result of the operation.
    Json,
    /// `application/graphql-response+json` of GraphQL over HTTP. An operation that was executed is answered with 200.
    GraphqlResponse,
}

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

impl MediaType {
    /// The media type that the client prefers; of two with the same quality, the one that it names first. A client that
    /// accepts neither gets JSON.
    #[must_use]
    pub fn asked(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<(String, f32)> = lines.flat_map(|line| line.split(',')).map(range).collect();
        let quality = |wanted: &str| {
            let place = ranges.iter().position(|(range, _)| range == wanted)?;
            Some((ranges[place].1, place))
        };
        let Some((wanted, place)) = quality(GRAPHQL_RESPONSE).filter(|(quality, _)| *quality > 0.0) else {
            return Self::Json;
        };
        // A named type counts before one that a wildcard covers.
        let (json, json_place) = ["application/json", "application/*", "*/*"]
            .iter()
            .find_map(|range| quality(range))
            .map_or((0.0, usize::MAX), |(quality, at)| {
                (quality, if ranges[at].0.ends_with('*') { usize::MAX } else { at })
            });
        if wanted > json || (wanted >= json && place < json_place) {
            Self::GraphqlResponse
        } else {
            Self::Json
        }
    }

    /// Sets the media type of an answer that is JSON.
    #[must_use]
    pub fn mark(self, mut response: Response) -> Response {
        const MARK: HeaderValue =
            HeaderValue::from_static("application/graphql-response+json; charset=utf-8");
        let is_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if self == Self::GraphqlResponse && is_json {
            response.headers_mut().insert(header::CONTENT_TYPE, MARK);
        }
        response
    }
}

/// A media range and its quality, from 0 to 1.
fn range(item: &str) -> (String, f32) {
    let mut parts = item.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
    });
    (range, quality.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_the_client_likes_best() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a value"));
            MediaType::asked(&headers)
        };
        for accept in [
            "application/graphql-response+json",
            "Application/GraphQL-Response+JSON; charset=utf-8",
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json,application/json",
            "application/json;q=0.1, application/graphql-response+json;q=0.2",
            "*/*, application/graphql-response+json",
            "text/html, application/graphql-response+json;q=0.5",
        ] {
            assert_eq!(asked(accept), MediaType::GraphqlResponse, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "text/html",
            "application/json, application/graphql-response+json",
            "application/json, application/graphql-response+json;q=0.9",
            "application/graphql-response+json;q=0",
            "application/graphql-response+json;q=x, */*",
        ] {
            assert_eq!(asked(accept), MediaType::Json, "{accept}");
        }
        assert_eq!(MediaType::asked(&HeaderMap::new()), MediaType::Json);
    }
}
