//! The common parts of requests to a server.

use std::time::Duration;

/// Answers of the control API are immediate; only an upload may take longer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The text as one path segment of a URL.
pub(super) fn percent_encoded_segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
