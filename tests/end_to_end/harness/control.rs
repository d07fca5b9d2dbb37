use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use super::http::http_client;
use super::modules::module;
use super::server::Server;

/// What `version-probe` holds instead of a build number.
const UNNUMBERED: &[u8] = b"hookd-build-0000";

/// The probe as if it were built with this number: other bytes, so another module.
pub fn numbered_probe(build: u32) -> Vec<u8> {
    let mut bytes = std::fs::read(module("version-probe")).expect("a module");
    let at = bytes.windows(UNNUMBERED.len()).position(|window| window == UNNUMBERED).expect("a place for the number");
    bytes[at..at + UNNUMBERED.len()].copy_from_slice(build_name(build).as_bytes());
    bytes
}

/// What such a probe calls itself.
pub fn build_name(build: u32) -> String {
    format!("hookd-build-{build:04}")
}

/// The HTTP API of the first app of a server, for tests that must not wait for a process per request.
#[derive(Clone)]
pub struct Control {
    client: Client,
    url: String,
    app: String,
    app_key: String,
    master_key: String,
}

impl Control {
    pub fn of(server: &Server) -> Self {
        let client = http_client().timeout(Duration::from_secs(60)).build().expect("a client");
        let key = |name: &str| server.key(name).to_owned();
        Self { client, url: server.url(""), app: key("app_id"), app_key: key("app_key"), master_key: key("master_key") }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.owner(self.client.get(self.path(path)))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.owner(self.client.post(self.path(path)).json(body))
    }

    pub fn set_variable(&self, name: &str, value: &str) -> RequestBuilder {
        let changes = json!({"set": {name: {"value": value}}});
        self.owner(self.client.patch(self.path("/env")).json(&changes))
    }

    pub fn deploy(&self, environment: &str, module: Vec<u8>) -> RequestBuilder {
        let path = format!("/deployments?environment={environment}");
        self.owner(self.client.post(self.path(&path)).body(module))
    }

    /// Calls the probe in production as a client does.
    pub async fn probe(&self, turns: u64) -> Response {
        let request = self.client.post(format!("{}/1.1/functions/probe", self.url)).json(&json!({"turns": turns}));
        let request = request.header("x-lc-id", &self.app).header("x-lc-key", &self.app_key);
        request.send().await.expect("an answer")
    }

    fn path(&self, path: &str) -> String {
        format!("{}/hookd/v1/apps/{}{path}", self.url, self.app)
    }

    fn owner(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("x-lc-key", format!("{},master", self.master_key))
    }
}

/// The JSON of an answer that must be good.
pub async fn good(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a text");
    assert!(status.is_success(), "{status}: {text}");
    // A deployment answers with a line for each step; the last one counts.
    let last = text.lines().last().expect("a line");
    serde_json::from_str(last).expect("JSON")
}
