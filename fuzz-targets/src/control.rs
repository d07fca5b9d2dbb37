//! Bodies of the control API.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use http::{Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use crate::server::{Server, connect_to, server};

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls with a body that is JSON; `{app}` is the app's id.
const CALLS: [(&str, &str); 7] = [
    ("POST", "/hookd/v1/apps"),
    ("PATCH", "/hookd/v1/apps/{app}/settings"),
    ("PATCH", "/hookd/v1/apps/{app}/env"),
    ("POST", "/hookd/v1/apps/{app}/rollback"),
    ("POST", "/hookd/v1/apps/{app}/cache"),
    ("POST", "/hookd/v1/apps/{app}/dead-letters/retry"),
    ("POST", "/hookd/v1/apps/{app}/dead-letters/drop"),
];

/// The address where the server would call hooks: the fuzzer must not choose it.
const LEADS_ELSEWHERE: &str = "engine_url";

/// The first byte chooses the call, the rest is its body: the server takes it, or says in JSON what is wrong with it.
pub(crate) fn control(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    if String::from_utf8_lossy(body).contains(LEADS_ELSEWHERE) {
        return;
    }
    let Some((method, path)) = CALLS.get(usize::from(*first) % CALLS.len()) else { return };
    let server = server();
    let asking = ask(server, method, path.replace("{app}", &server.running.app), body);
    let asked = server.runtime.block_on(async { timeout(PATIENCE, asking).await });
    #[expect(clippy::expect_used, reason = "what does not come is what the fuzzer looks for")]
    let (status, answer) = asked.expect("every call is answered");
    let text = String::from_utf8_lossy(&answer);
    let told: Option<Value> = serde_json::from_slice(&answer).ok();
    if !status.is_success() {
        let told = told.unwrap_or_default();
        let code = told.get("code").and_then(Value::as_u64);
        let error = told.get("error").and_then(Value::as_str).unwrap_or_default();
        let is_told = code == Some(status.as_u16().into()) && !error.is_empty();
        assert!(status.is_client_error() && is_told, "{method} {path}: {status}: {text}");
        return;
    }
    assert!(told.is_some(), "{method} {path}: {text}");
    // So that the server does not fill with apps.
    let created = told.filter(|_| path.ends_with("/apps"));
    if let Some(app) = created.as_ref().and_then(|created| created.get("app_id")?.as_str()) {
        let deleting = ask(server, "DELETE", format!("/hookd/v1/apps/{app}"), b"");
        let (status, text) = server.runtime.block_on(deleting);
        assert!(status.is_success(), "a new app is deleted: {}", String::from_utf8_lossy(&text));
    }
}

#[expect(clippy::expect_used, reason = "a server that does not answer is what the fuzzer looks for")]
async fn ask(server: &Server, method: &str, path: String, body: &[u8]) -> (StatusCode, Bytes) {
    let stream = connect_to(&server.running.address).await;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    let serving = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "fuzz")
        .header("content-type", "application/json")
        .header("x-lc-key", format!("{},master", server.running.master_key))
        .header("x-hookd-admin-key", &server.running.admin_key)
        .body(Body::from(body.to_vec()));
    let answer = requests.send_request(request.expect("a request")).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(Body::new(answer.into_body()), usize::MAX).await.expect("a whole answer");
    serving.abort();
    (status, bytes)
}
