//! The headers that the RPC reads, whichever way the request came.

use http::HeaderMap;
use opentelemetry::propagation::Extractor;

use super::credentials::CredentialHeaders;

/// Longest name that is read; shorter than many that are not.
const LONGEST_NAME: usize = 40;

/// Found in one pass: a request has fewer headers than there are names to look for. Where one comes again, its first line
/// counts, but for credentials, which have a rule of their own.
#[derive(Debug, Default)]
pub(super) struct RequestHeaders<'a> {
    pub(super) credentials: CredentialHeaders<'a>,
    content_type: Option<&'a [u8]>,
    content_encoding: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    forwarded: Option<&'a [u8]>,
    real_ip: Option<&'a [u8]>,
    forwarded_for: Option<&'a [u8]>,
    sequence: Option<&'a [u8]>,
    trace_parent: Option<&'a [u8]>,
    trace_state: Option<&'a [u8]>,
}

impl<'a> RequestHeaders<'a> {
    /// Names and values, in the order in which they came; the case of names does not matter.
    pub(super) fn read(lines: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut headers = Self::default();
        for (name, value) in lines {
            headers.note(name, value);
        }
        headers
    }

    fn note(&mut self, name: &str, value: &'a [u8]) {
        let mut lower_case = [0; LONGEST_NAME];
        let Some(lower_case) = lower_case.get_mut(..name.len()) else { return };
        lower_case.copy_from_slice(name.as_bytes());
        lower_case.make_ascii_lowercase();
        let header = match &*lower_case {
            b"content-type" => &mut self.content_type,
            b"content-encoding" => &mut self.content_encoding,
            b"origin" => &mut self.origin,
            b"forwarded" => &mut self.forwarded,
            b"x-real-ip" => &mut self.real_ip,
            b"x-forwarded-for" => &mut self.forwarded_for,
            b"x-hookd-sequence" => &mut self.sequence,
            b"traceparent" => &mut self.trace_parent,
            b"tracestate" => &mut self.trace_state,
            [b'x', b'-', ..] => {
                if let Some(text) = text(value) {
                    self.credentials.note(lower_case, text);
                }
                return;
            }
            _ => return,
        };
        header.get_or_insert(value);
    }

    /// Empty where there is none.
    pub(super) fn content_type(&self) -> &'a str {
        self.content_type.and_then(text).unwrap_or_default()
    }

    pub(super) fn has_content_encoding(&self) -> bool {
        self.content_encoding.is_some()
    }

    pub(super) fn origin(&self) -> Option<&'a [u8]> {
        self.origin
    }

    pub(super) fn forwarded(&self) -> Option<&'a str> {
        self.forwarded.and_then(filled)
    }

    pub(super) fn real_ip(&self) -> Option<&'a str> {
        self.real_ip.and_then(filled)
    }

    pub(super) fn forwarded_for(&self) -> Option<&'a str> {
        self.forwarded_for.and_then(filled)
    }

    /// Which notification this is, where the caller counts them.
    pub(super) fn sequence(&self) -> Option<u64> {
        text(self.sequence?)?.parse().ok()
    }
}

impl<'a> From<&'a HeaderMap> for RequestHeaders<'a> {
    fn from(headers: &'a HeaderMap) -> Self {
        Self::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}

/// A value without anything but visible ASCII, blanks and tabs, as [`http::HeaderValue::to_str`] wants it.
fn text(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if is_visible { std::str::from_utf8(value).ok() } else { None }
}

fn filled(value: &[u8]) -> Option<&str> {
    text(value).filter(|text| !text.is_empty())
}

impl Extractor for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "traceparent" => text(self.trace_parent?),
            "tracestate" => text(self.trace_state?),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        ["traceparent", "tracestate"].into_iter().filter(|name| self.get(name).is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_and_case_does_not() {
        let headers = RequestHeaders::read([
            ("Content-Type", b"text/plain".as_slice()),
            ("content-type", b"application/json"),
            ("X-Real-IP", b"1.2.3.4"),
            ("X-Hookd-Sequence", b"7"),
        ]);
        assert_eq!(headers.content_type(), "text/plain");
        assert_eq!(headers.real_ip(), Some("1.2.3.4"));
        assert_eq!(headers.sequence(), Some(7));
    }

    #[test]
    fn a_value_that_is_no_text_counts_as_absent() {
        let headers = RequestHeaders::read([("content-type", b"\xff".as_slice()), ("forwarded", b"")]);
        assert_eq!((headers.content_type(), headers.forwarded()), ("", None));
    }

    #[test]
    fn names_of_any_length_are_harmless() {
        let name = "x".repeat(LONGEST_NAME + 1);
        assert!(RequestHeaders::read([(name.as_str(), b"1".as_slice()), ("", b"2")]).content_type().is_empty());
    }
}
