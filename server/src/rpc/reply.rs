//! Answers on the wire (§1.8, §1.9).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use hookd_runtime::Outcome;

const OUTCOME: HeaderName = HeaderName::from_static("x-hookd-outcome");

/// An answer that is there as a whole.
pub(super) type Reply = Response<Bytes>;

/// The answer to a call of `function`.
pub(super) fn of_outcome(outcome: Outcome, function: &str, is_rpc: bool) -> Reply {
    let name = outcome.name();
    let overloaded = matches!(outcome, Outcome::Overloaded(_));
    let mut reply = match (outcome.wire_failure(function), outcome) {
        (None, Outcome::Replied(reply)) => json_response(200, result(&reply, is_rpc)),
        (Some(wire), _) => failure(wire.status, wire.code, &wire.error),
        (None, other) => failure(500, 1, &other.to_string()),
    };
    reply.headers_mut().insert(OUTCOME, HeaderValue::from_static(name));
    if overloaded {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
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

/// The time limit was reached (EC-18).
pub(super) fn timed_out() -> Reply {
    failure(503, 124, "The request timed out on the server.")
}

/// Another attempt may find room.
pub(super) fn overloaded(error: &str) -> Reply {
    let mut reply = failure(503, 1, error);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// `{"code":…,"error":…}`.
pub(super) fn failure(status: u16, code: i32, error: &str) -> Reply {
    json_response(status, json!({"code": code, "error": error}).to_string())
}

pub(super) fn json_response(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static("application/json; charset=UTF-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
    reply
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
