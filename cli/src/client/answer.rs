//! What an answer of the server means to a command.

use anyhow::Context as _;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::exit::InputError;

/// The JSON of a good answer.
pub async fn json(
    request: RequestBuilder,
    url: &str,
    keys_refused: impl FnOnce() -> InputError,
) -> anyhow::Result<Value> {
    checked(request, url, keys_refused).await?.json().await.context("the server's answer is not JSON")
}

/// A good answer; anything else is the error that it tells. `keys_refused` says which keys to look at.
pub async fn checked(
    request: RequestBuilder,
    url: &str,
    keys_refused: impl FnOnce() -> InputError,
) -> anyhow::Result<Response> {
    let response = request.send().await.map_err(|error| unreachable(error, url))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    let text = body.get("error").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    if status == StatusCode::UNAUTHORIZED {
        return Err(keys_refused().into());
    }
    if status.is_client_error() {
        return Err(InputError::new(text).into());
    }
    anyhow::bail!("the server answered {status}: {text}")
}

/// Why there was no answer.
pub fn unreachable(error: reqwest::Error, url: &str) -> anyhow::Error {
    if error.is_connect() {
        let cause = anyhow::Error::new(error);
        let problem = format!("no server answers at `{url}`: {}", cause.root_cause());
        return InputError::new(problem).hint("start it with `hookd up`, or give its address with --url").into();
    }
    anyhow::Error::new(error).context(format!("the server at `{url}` did not answer"))
}
