use std::time::Duration;

use serde::Serialize;

/// Redirects that are followed unless the request says otherwise.
const REDIRECTS: u32 = 5;

/// A request on its way; [`Request::send`] sends it.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Option<Duration>,
    pub(super) redirects: u32,
}

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

impl Request {
    /// A request of any method.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            redirects: REDIRECTS,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a value as JSON, and the content type of JSON.
    ///
    /// # Errors
    ///
    /// When the value has no form in JSON.
    pub fn json(self, value: &impl Serialize) -> serde_json::Result<Self> {
        Ok(self.header("content-type", "application/json").body(serde_json::to_vec(value)?))
    }

    /// Waits so long for the response to begin, and so long for each piece of it; without, until the call's deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Follows so many redirects, 5 without; with 0 a redirect is a response like others.
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first header of that name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(present, _)| present.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }
}
