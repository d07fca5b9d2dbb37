//! Answers on the wire (§1.8, §1.9).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::outcome::Outcome;

const OUTCOME: HeaderName = HeaderName::from_static("x-hookd-outcome");

/// An answer that is there as a whole.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    /// In the order in which they are sent. A list: in a map, names would be hashed that nobody looks up.
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Room for those that are added on the way out.
        Self { status, headers: Vec::with_capacity(4), body: body.into() }
    }

    /// Adds a header, which is not there yet.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }
}

impl From<Reply> for Response<Bytes> {
    fn from(reply: Reply) -> Self {
        let mut response = Self::new(reply.body);
        *response.status_mut() = reply.status;
        response.headers_mut().extend(reply.headers);
        response
    }
}

/// The answer to a call of `function`.
pub(super) fn of_outcome(outcome: Outcome, function: &str, is_rpc: bool) -> Reply {
    let name = outcome.name();
    let overloaded = matches!(outcome, Outcome::Overloaded(_));
    let reply = match (outcome.wire_failure(function), outcome) {
        (None, Outcome::Replied(reply)) => json_response(200, result(&reply, is_rpc)),
        (Some(wire), _) => failure(wire.status, wire.code, &wire.error),
        (None, other) => failure(500, 1, &other.to_string()),
    };
    let reply = reply.with(OUTCOME, HeaderValue::from_static(name));
    if overloaded { reply.with(header::RETRY_AFTER, HeaderValue::from_static("1")) } else { reply }
}

/// The guest's text inside its envelope, without parsing it again. Under `call`, nothing and null become an empty object.
fn result(reply: &Bytes, is_rpc: bool) -> Vec<u8> {
    let text: &[u8] = match (&reply[..], is_rpc) {
        (b"", false) => return b"{}".to_vec(),
        (b"" | b"null", true) => b"{}",
        (text, _) => text,
    };
    [b"{\"result\":", text, b"}"].concat()
}

/// `{"code":…,"error":…}`.
pub(super) fn failure(status: u16, code: i32, error: &str) -> Reply {
    json_response(status, json!({"code": code, "error": error}).to_string())
}

pub(super) fn json_response(status: u16, body: impl Into<Bytes>) -> Reply {
    let content_type = HeaderValue::from_static("application/json; charset=UTF-8");
    Reply::new(status, body).with(header::CONTENT_TYPE, content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(reply: &'static str, is_rpc: bool) -> String {
        String::from_utf8(result(&Bytes::from_static(reply.as_bytes()), is_rpc)).unwrap()
    }

    #[test]
    fn functions_tell_nothing_from_null() {
        assert_eq!(wrapped("", false), "{}");
        assert_eq!(wrapped("null", false), r#"{"result":null}"#);
        assert_eq!(wrapped(r#"{"a":1}"#, false), r#"{"result":{"a":1}}"#);
    }

    #[test]
    fn call_answers_an_object_for_nothing_and_null() {
        assert_eq!(wrapped("", true), r#"{"result":{}}"#);
        assert_eq!(wrapped("null", true), r#"{"result":{}}"#);
        assert_eq!(wrapped("7", true), r#"{"result":7}"#);
    }
}
