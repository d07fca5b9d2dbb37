//! Answers that come bit by bit, maybe with long silences between: a blank now and then shows that the server is there.
//! JSON readers skip it, also those of earlier versions.

use std::time::Duration;

use api_types::headers;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};

/// The bytes of a silent answer.
pub(super) const BLANK: &str = " ";

/// The longest silence.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// The headers of such an answer. A reader may rely on the blanks.
pub(super) fn headers() -> [(HeaderName, HeaderValue); 2] {
    let events = HeaderValue::from_static("application/x-ndjson");
    [(CONTENT_TYPE, events), (HeaderName::from_static(headers::KEEP_ALIVE), EVERY.as_secs().into())]
}
