use std::fmt;

use reqwest::Method;

use super::expected::{Answer, Expected};
use super::target::{Kind, Target};
use crate::harness::{AppKeys, http_client};

/// A request, and its answer on each engine.
pub struct Case {
    request: Request,
    expected: Expected,
    differences: Vec<Difference>,
}

/// What another engine answers instead, and by which rule.
struct Difference {
    kind: Kind,
    rule: &'static str,
    expected: Expected,
}

/// A request with exactly these headers.
#[derive(Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// With `POST` to a function, without credentials.
pub fn anonymous(function: &str) -> Request {
    Request::new("POST", format!("/1.1/functions/{function}"))
}

impl AppKeys {
    /// POSTs to a function with app id and app key.
    pub fn call(&self, function: &str) -> Request {
        anonymous(function).of_app(self)
    }

    /// The same, with the hook key.
    pub fn call_hook(&self, function: &str) -> Request {
        self.call(function).header("x-lc-hook-key", &self.hook_key)
    }
}

impl Request {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// With app id and app key.
    pub fn of_app(self, keys: &AppKeys) -> Self {
        self.header("x-lc-id", &keys.app_id).header("x-lc-key", &keys.app_key)
    }

    /// With app id and master key.
    pub fn of_master(self, keys: &AppKeys) -> Self {
        self.header("x-lc-id", &keys.app_id).header("x-avoscloud-master-key", &keys.master_key)
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.body("application/json", body)
    }

    /// Makes it a case with the answer of hookd, and of every engine that has no difference.
    pub fn expect(self, expected: Expected) -> Case {
        Case { request: self, expected, differences: Vec::new() }
    }

    async fn send(&self, client: &reqwest::Client, base: &str) -> Answer {
        let method: Method = self.method.parse().expect("a method");
        let mut request = client.request(method, format!("{base}{}", self.path)).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.expect("an engine that answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("a whole answer") }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(formatter, " {name}: {value};")?;
        }
        let shown: String = String::from_utf8_lossy(&self.body).chars().take(80).collect();
        write!(formatter, " {shown}")
    }
}

impl Case {
    /// Another engine answers this instead; `rule` says why that is known.
    pub fn differs(mut self, kind: Kind, rule: &'static str, expected: Expected) -> Self {
        assert_ne!(expected, self.expected, "{}: no difference", self.request);
        self.differences.push(Difference { kind, rule, expected });
        self
    }

    /// [`Self::differs`] under a condition, for cases made in a loop.
    pub fn differs_if(self, condition: bool, kind: Kind, rule: &'static str, expected: Expected) -> Self {
        if condition { self.differs(kind, rule, expected) } else { self }
    }
}

/// Sends the requests of a rule, one after the other; panics with all answers that are not as expected.
pub async fn check(target: Target, rule: impl Fn(&AppKeys) -> Vec<Case>) {
    let client = http_client().build().expect("a client");
    let cases = rule(&target.keys);
    assert!(!cases.is_empty());
    let mut failures = Vec::new();
    for case in &cases {
        let difference = case.differences.iter().find(|difference| difference.kind == target.kind);
        let expected = difference.map_or(&case.expected, |difference| &difference.expected);
        let answer = case.request.send(&client, &target.url).await;
        if let Some(mismatch) = expected.mismatch(&answer, target.kind) {
            let by = difference.map_or("as hookd", |difference| difference.rule);
            let body: String = answer.body.chars().take(300).collect();
            failures.push(format!("{}\n  ({by}) {mismatch}\n  got {} {body}", case.request, answer.status));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
