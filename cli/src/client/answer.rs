//! The meaning of a server's answer to a command.

use std::io;
use std::marker::PhantomData;

use anyhow::Context as _;
use api_types::control::Refusal;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::InputError;

/// The longest part that is shown of a refusal without the server's own JSON.
const MAX_REASON_CHARS: usize = 300;

/// A good answer, as it came: `--json` prints it with the fields that only a newer server knows. `T` is its type.
#[derive(Deserialize, Serialize)]
#[serde(transparent, bound = "")]
pub struct Answer<T> {
    json: Value,
    #[serde(skip)]
    read_as: PhantomData<T>,
}

impl<T: DeserializeOwned> Answer<T> {
    /// An answer, or a part of one.
    pub fn new(json: Value) -> Self {
        Self { json, read_as: PhantomData }
    }

    /// The value.
    ///
    /// # Errors
    /// It comes from a server of another version.
    pub fn read(&self) -> anyhow::Result<T> {
        T::deserialize(&self.json).context("the server's answer is not of this hookd's version")
    }

    /// Its JSON.
    pub fn as_json(&self) -> &Value {
        &self.json
    }
}

impl<T: DeserializeOwned> Answer<Vec<T>> {
    /// Its entries.
    ///
    /// # Errors
    /// It is no list.
    pub fn entries(self) -> anyhow::Result<Vec<Answer<T>>> {
        match self.json {
            Value::Array(entries) => Ok(entries.into_iter().map(Answer::new).collect()),
            other => anyhow::bail!("the server's answer is not a list: {other}"),
        }
    }
}

/// A good answer.
pub async fn json<T: DeserializeOwned>(
    request: RequestBuilder,
    url: &str,
    keys_refused: impl FnOnce() -> InputError,
) -> anyhow::Result<Answer<T>> {
    let json = checked(request, url, keys_refused).await?.json().await;
    Ok(Answer::new(json.context("the server's answer is not JSON")?))
}

/// A good answer; anything else is the error in it. `keys_refused` says which keys to look at.
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
    let text = reason(&response.text().await.unwrap_or_default());
    if status == StatusCode::UNAUTHORIZED {
        return Err(keys_refused().into());
    }
    if status == StatusCode::NOT_FOUND {
        let hint = "give --url without a path; or that server is older than this hookd";
        return Err(InputError::new(format!("`{url}` answered 404: {text}")).hint(hint).into());
    }
    if status.is_client_error() {
        return Err(InputError::new(text).into());
    }
    anyhow::bail!("the server answered {status}: {text}")
}

/// The `error` of a refusal; of one in another form, as a proxy may send, the beginning.
fn reason(body: &str) -> String {
    match serde_json::from_str(body) {
        Ok(Refusal { error, .. }) => error,
        Err(_) if body.trim().is_empty() => "no reason given".to_owned(),
        Err(_) => body.trim().chars().take(MAX_REASON_CHARS).collect(),
    }
}

/// Why there was no answer.
pub fn unreachable(error: reqwest::Error, url: &str) -> anyhow::Error {
    if error.is_connect() {
        let cause = anyhow::Error::new(error);
        let problem = format!("no server answers at `{url}`: {}", cause.root_cause());
        let hint = match url.strip_prefix("https://") {
            Some(rest) if !is_refused(&cause) => format!("is it one without TLS? then its address is `http://{rest}`"),
            _ => "start it with `hookd up`, or give its address with --url".to_owned(),
        };
        return InputError::new(problem).hint(hint).into();
    }
    anyhow::Error::new(error).context(format!("the server at `{url}` did not answer"))
}

/// No server listens there.
fn is_refused(error: &anyhow::Error) -> bool {
    let io = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.into_iter().any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_in_any_form_tells_its_reason() {
        assert_eq!(reason(r#"{"code":400,"error":"no app"}"#), "no app");
        assert_eq!(reason("missing field `id`\n"), "missing field `id`");
        assert_eq!(reason(" "), "no reason given");
        assert_eq!(reason(&"x".repeat(1_000)).len(), MAX_REASON_CHARS);
    }
}
