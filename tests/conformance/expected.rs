use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::target::Kind;

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// What must come back.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    status: u16,
    body: Body,
    allow_origin: AllowOrigin,
    /// Header, and its items in any order.
    lists: Vec<(&'static str, Vec<&'static str>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    /// This JSON, with any spaces and order of keys.
    Json(Value),
    /// An error with this code and a text that begins so.
    ErrorLike {
        code: i32,
        begins: &'static str,
    },
    /// `result` is a list of these names, in any order.
    Names(Vec<&'static str>),
    /// Health: these keys, with texts; and the content type.
    Texts([&'static str; 2], &'static str),
    /// A result with so many bytes of JSON text around it.
    Bytes(usize),
    Empty,
    /// Not the engine's: the web application of a project, or its server, made it.
    Foreign,
}

#[derive(Clone, Debug, PartialEq)]
enum AllowOrigin {
    Is(&'static str),
    Absent,
    Unchecked,
}

fn expected(status: u16, body: Body, allow_origin: AllowOrigin) -> Expected {
    Expected { status, body, allow_origin, lists: Vec::new() }
}

/// 200 with a result.
pub fn result(value: Value) -> Expected {
    answer(200, json!({ "result": value }))
}

/// A JSON answer that any origin may read.
pub fn answer(status: u16, body: Value) -> Expected {
    expected(status, Body::Json(body), AllowOrigin::Is("*"))
}

/// An answer with code and text of §1.9 and §1.10.
pub fn error(status: u16, code: i32, text: &str) -> Expected {
    answer(status, json!({ "code": code, "error": text }))
}

/// The same, where the end of the text is not known beforehand.
pub fn error_like(status: u16, code: i32, begins: &'static str) -> Expected {
    expected(status, Body::ErrorLike { code, begins }, AllowOrigin::Is("*"))
}

/// The generic refusal.
pub fn unauthorized() -> Expected {
    error(401, 401, "Unauthorized.")
}

/// 200 with a list of names.
pub fn names(names: &[&'static str]) -> Expected {
    let mut names = names.to_vec();
    names.sort_unstable();
    expected(200, Body::Names(names), AllowOrigin::Is("*"))
}

/// 200 with an object of two texts, without CORS, as this content type.
pub fn texts(keys: [&'static str; 2], content_type: &'static str) -> Expected {
    expected(200, Body::Texts(keys, content_type), AllowOrigin::Absent)
}

/// 200 with a result too long to write down.
pub fn long_result(bytes: usize) -> Expected {
    expected(200, Body::Bytes(bytes), AllowOrigin::Is("*"))
}

/// 200 without a body, for any origin.
pub fn empty() -> Expected {
    expected(200, Body::Empty, AllowOrigin::Is("*"))
}

/// A status that is not the engine's own answer.
pub fn foreign(status: u16) -> Expected {
    expected(status, Body::Foreign, AllowOrigin::Unchecked)
}

impl Expected {
    /// No `Access-Control-Allow-Origin`.
    pub fn without_cors(self) -> Self {
        Self { allow_origin: AllowOrigin::Absent, ..self }
    }

    /// Only this origin.
    pub fn for_origin(self, origin: &'static str) -> Self {
        Self { allow_origin: AllowOrigin::Is(origin), ..self }
    }

    /// And this header, with these items between commas.
    pub fn with_list(mut self, header: &'static str, items: &[&'static str]) -> Self {
        let mut items = items.to_vec();
        items.sort_unstable();
        self.lists.push((header, items));
        self
    }

    /// What is wrong with an answer.
    pub fn mismatch(&self, answer: &Answer, kind: Kind) -> Option<String> {
        if answer.status != self.status {
            return Some(format!("status {} instead of {}", answer.status, self.status));
        }
        if !self.body.fits(&answer.body) {
            return Some(format!("the body is not {:?}", self.body));
        }
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text"));
        for (name, items) in &self.lists {
            let mut listed: Vec<&str> = header(name).unwrap_or_default().split(", ").collect();
            listed.sort_unstable();
            if listed != *items {
                return Some(format!("`{name}` is {listed:?} instead of {items:?}"));
            }
        }
        let content_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let right = self.body.content_type(kind);
        if right.is_some_and(|right| !content_type.eq_ignore_ascii_case(right)) {
            return Some(format!("the content type is `{content_type}`"));
        }
        let allowed = header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str());
        let is_right = match self.allow_origin {
            AllowOrigin::Is(origin) => allowed == Some(origin),
            AllowOrigin::Absent => allowed.is_none(),
            AllowOrigin::Unchecked => true,
        };
        (!is_right).then(|| format!("the allowed origin is {allowed:?} instead of {:?}", self.allow_origin))
    }
}

impl Body {
    fn fits(&self, text: &str) -> bool {
        let parsed = || serde_json::from_str::<Value>(text).unwrap_or_default();
        match self {
            Self::Json(value) => parsed() == *value,
            Self::ErrorLike { code, begins } => {
                let body = parsed();
                body["code"] == *code && body["error"].as_str().is_some_and(|error| error.starts_with(begins))
            }
            Self::Names(names) => {
                let body = parsed();
                let mut listed: Vec<&str> =
                    body["result"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                listed.sort_unstable();
                listed == *names
            }
            Self::Texts(keys, _) => {
                let body = parsed();
                keys.iter().all(|key| body[key].as_str().is_some_and(|text| !text.is_empty()))
            }
            Self::Bytes(bytes) => text.len() >= *bytes && text.starts_with("{\"result\":"),
            Self::Empty => text.is_empty(),
            Self::Foreign => true,
        }
    }

    /// §1.8; the Python package leaves the charset out.
    fn content_type(&self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Empty | Self::Foreign, _) => None,
            (Self::Texts(_, content_type), _) => Some(content_type),
            (_, Kind::Hookd | Kind::JavaScript | Kind::Node) => Some("application/json; charset=UTF-8"),
            (_, Kind::Python) => Some("application/json"),
        }
    }
}
