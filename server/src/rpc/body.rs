//! The three body forms of §1.6.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::reply::{Reply, failure, overloaded, timed_out};

/// LeanEngine's own limit. The sender is not known yet, and fields cost many times their bytes.
const MAX_FORM_FIELDS: usize = 1_000;

/// A request's body.
pub(super) struct Body {
    /// JSON text: an object or an array.
    pub(super) params: Bytes,
    /// Credentials in the body; when present they replace all credential headers.
    pub(super) credentials: Option<BodyCredentials>,
}

/// The underscore fields of a `text/plain` body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BodyCredentials {
    pub(super) id: Option<String>,
    pub(super) key: Option<String>,
    pub(super) master_key: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) production: Option<String>,
}

/// Why a body was not accepted. Answered before credentials are looked at, and without CORS headers.
#[derive(Debug)]
pub(super) enum BodyRefused {
    TooLarge,
    TooManyFields,
    Malformed(String),
    /// Of a `text/plain` body: the answer has CORS headers.
    MalformedText(String),
    /// It did not come in the time that the connection has for it.
    TimedOut,
    /// Other bodies took its place in memory.
    NoMemory,
}

impl BodyRefused {
    /// Why the rest of a body does not come.
    pub(super) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
        match causes.any(|cause| cause.downcast_ref().is_some_and(timed_out)) {
            true => Self::TimedOut,
            false => Self::Malformed(format!("the body cannot be read: {error}")),
        }
    }

    pub(super) fn into_reply(self) -> Reply {
        match self {
            Self::TooLarge => failure(413, 1, "request entity too large"),
            Self::TooManyFields => failure(413, 1, "too many parameters"),
            Self::Malformed(reason) | Self::MalformedText(reason) => failure(400, 1, &reason),
            Self::TimedOut => timed_out(),
            Self::NoMemory => overloaded("the server holds too many large bodies; send this one again later"),
        }
    }
}

impl Body {
    pub(super) fn parse(content_type: &str, bytes: Bytes) -> Result<Self, BodyRefused> {
        if starts_with(content_type, "application/json") {
            let text = text_of(bytes);
            let params = if text.is_empty() { empty() } else { checked(text)? };
            Ok(Self { params, credentials: None })
        } else if starts_with(content_type, "application/x-www-form-urlencoded") {
            Ok(Self { params: form(&bytes)?, credentials: None })
        } else if starts_with(content_type, "text/plain") {
            text(&bytes)
        } else {
            Ok(Self { params: empty(), credentials: None })
        }
    }
}

/// True for the form that keys may be in.
pub(super) fn may_hold_credentials(content_type: &str) -> bool {
    starts_with(content_type, "text/plain")
}

/// As Node decodes it: a byte-order mark, which some HTTP clients send, is left out, invalid UTF-8 becomes U+FFFD.
fn text_of(bytes: Bytes) -> Bytes {
    match foreign_json::decode(&bytes) {
        Cow::Borrowed(text) => bytes.slice_ref(text.as_bytes()),
        Cow::Owned(text) => text.into(),
    }
}

fn starts_with(content_type: &str, prefix: &str) -> bool {
    content_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn empty() -> Bytes {
    Bytes::from_static(b"{}")
}

/// The text as it came, once it is known to be an object or an array. Nothing is built: the guest parses it.
fn checked(bytes: Bytes) -> Result<Bytes, BodyRefused> {
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|error| BodyRefused::Malformed(error.to_string()))?;
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => Ok(bytes),
        _ => Err(BodyRefused::Malformed("the body must be a JSON object or array".to_owned())),
    }
}

/// Values are texts; those of a key that comes again are a list.
fn form(bytes: &[u8]) -> Result<Bytes, BodyRefused> {
    let mut fields = Map::new();
    for (number, (key, value)) in form_urlencoded::parse(bytes).enumerate() {
        if number == MAX_FORM_FIELDS {
            return Err(BodyRefused::TooManyFields);
        }
        let value = Value::from(value.into_owned());
        match fields.get_mut(&*key) {
            None => drop(fields.insert(key.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::from(vec![first.take(), value]),
        }
    }
    Ok(Value::Object(fields).to_string().into())
}

fn text(bytes: &[u8]) -> Result<Body, BodyRefused> {
    let malformed = |error: foreign_json::Error| BodyRefused::MalformedText(error.to_string());
    // Its sender is not known yet, so invalid UTF-8 is not replaced: that takes three times its memory.
    let json = std::str::from_utf8(bytes).map_err(|error| BodyRefused::MalformedText(error.to_string()))?;
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    if !json.trim_ascii_start().starts_with('{') {
        foreign_json::from_str::<IgnoredAny>(json).map_err(malformed)?;
        // It cannot contain credentials, so no function will see it.
        return Ok(Body { params: empty(), credentials: Some(BodyCredentials::default()) });
    }
    // The values stay text: the sender is not known yet, and a tree of 20 MiB would take many times the memory.
    let mut fields: BTreeMap<String, Box<RawValue>> = foreign_json::from_str(json).map_err(malformed)?;
    let mut take = |key: &str| {
        let json = fields.remove(key)?;
        Some(foreign_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned()))
    };
    let credentials = BodyCredentials {
        id: take("_ApplicationId"),
        key: take("_ApplicationKey"),
        master_key: take("_MasterKey"),
        session_token: take("_SessionToken"),
        production: take("_ApplicationProduction"),
    };
    fields.retain(|key, _| !key.starts_with('_') || key.starts_with("__"));
    let params = serde_json::to_vec(&fields).map_err(|error| BodyRefused::MalformedText(error.to_string()))?;
    Ok(Body { params: params.into(), credentials: Some(credentials) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(content_type: &str, body: &'static str) -> Option<String> {
        let body = Body::parse(content_type, Bytes::from_static(body.as_bytes())).ok()?;
        Some(String::from_utf8(body.params.to_vec()).unwrap())
    }

    #[test]
    fn json_objects_and_arrays_pass_as_they_came() {
        assert_eq!(params("application/json", "{ \"b\": 1 }").unwrap(), "{ \"b\": 1 }");
        assert_eq!(params("application/json; charset=utf-8", "[1]").unwrap(), "[1]");
        assert_eq!(params("application/json", "").unwrap(), "{}");
    }

    #[test]
    fn json_scalars_and_garbage_are_malformed() {
        for body in ["1", "\"a\"", "null", "{", "{} x"] {
            assert_eq!(params("application/json", body), None, "{body}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(params("application/json", "\u{feff}{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(params("application/json", "\u{feff}").unwrap(), "{}");
    }

    /// F-18
    #[test]
    fn json_is_taken_as_javascript_takes_it() {
        for body in [r#"{"a":"\ud83d","\ud83d":1}"#, r#"{"a":1e400,"a":-1e400}"#] {
            assert_eq!(params("application/json", body).unwrap(), body);
            assert!(params("text/plain", body).is_some(), "{body}");
        }
        let deep: &str = Box::leak(format!(r#"{{"a":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)).into_boxed_str());
        assert_eq!(params("application/json", deep).unwrap(), deep);
        assert_eq!(params("text/plain", deep).unwrap(), deep);
        let latin = Body::parse("application/json", Bytes::from_static(b"{\"a\":\"\xe9\"}")).ok().unwrap();
        assert_eq!(latin.params, "{\"a\":\"\u{fffd}\"}");
    }

    #[test]
    fn form_values_are_strings() {
        assert_eq!(params("application/x-www-form-urlencoded", "a=1&b=%C3%A9+x").unwrap(), r#"{"a":"1","b":"é x"}"#);
    }

    #[test]
    fn form_keys_that_come_again_make_a_list() {
        let body = "a=1&b=2&a=3&a=4&__proto__=5";
        let expected = serde_json::json!({"__proto__": "5", "a": ["1", "3", "4"], "b": "2"});
        let params: Value = serde_json::from_str(&params("application/x-www-form-urlencoded", body).unwrap()).unwrap();
        assert_eq!(params, expected);
    }

    #[test]
    fn forms_have_a_thousand_fields_at_most() {
        let parse = |fields: usize| Body::parse("application/x-www-form-urlencoded", Bytes::from("a=&".repeat(fields)));
        assert!(parse(MAX_FORM_FIELDS).is_ok());
        assert!(matches!(parse(MAX_FORM_FIELDS + 1), Err(BodyRefused::TooManyFields)));
    }

    #[test]
    fn other_content_types_give_no_parameters() {
        assert_eq!(params("", "{\"a\":1}").unwrap(), "{}");
        assert_eq!(params("image/png", "…").unwrap(), "{}");
    }

    #[test]
    fn text_bodies_carry_credentials_and_lose_single_underscore_keys() {
        let body = r#"{"_ApplicationId":"i","_ApplicationProduction":0,"_other":1,"__type":"x","a":2}"#;
        let body = Body::parse("text/plain;charset=UTF-8", Bytes::from_static(body.as_bytes())).ok().unwrap();
        assert_eq!(body.params, r#"{"__type":"x","a":2}"#);
        let credentials = body.credentials.unwrap();
        assert_eq!(credentials.id.as_deref(), Some("i"));
        assert_eq!(credentials.production.as_deref(), Some("0"));
    }

    #[test]
    fn an_empty_text_body_is_malformed() {
        assert_eq!(params("text/plain", ""), None);
    }
}
