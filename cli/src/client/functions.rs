//! Calls of hooks and functions over HTTP, as LeanEngine and hookd serve them.

use reqwest::Url;
use serde_json::Value;

use super::Target;
use super::reach::reach;
use super::request::{ANSWER_TIMEOUT, percent_encoded_segment};
use crate::exit::InputError;

/// The functions of one app at one address. Calls carry all keys.
pub struct Functions {
    http: reqwest::Client,
    /// Ends with a slash.
    base: Url,
    app_id: String,
    master_key: String,
    hook_key: String,
}

/// The answer of a function.
pub struct InvokeAnswer {
    /// HTTP status.
    pub status: u16,
    /// `replied`, or how the call failed; LeanEngine does not say it.
    pub outcome: Option<String>,
    /// The whole body as JSON; a text when it is none.
    pub body: Value,
}

impl Functions {
    /// # Errors
    /// [`InputError`] where the address is none.
    pub fn new(address: &str, target: &Target, hook_key: String) -> anyhow::Result<Self> {
        let (http, base) = reach(address)?;
        let base = Url::parse(&base)
            .and_then(|base| base.join("/1.1/functions/"))
            .map_err(|problem| InputError::new(format!("`{address}` is not a URL: {problem}")))?;
        let (app_id, master_key) = (target.app_id.clone(), target.master_key.clone());
        Ok(Self { http, base, app_id, master_key, hook_key })
    }

    /// Calls one, whose name was [checked](check_name).
    ///
    /// # Errors
    /// There was no answer.
    pub async fn call(&self, name: &str, params: Vec<u8>, staging: bool) -> reqwest::Result<InvokeAnswer> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), percent_encoded_segment(name)));
        let request = self
            .http
            .post(url)
            .header("x-lc-id", &self.app_id)
            .header("x-lc-key", format!("{},master", self.master_key))
            .header("x-lc-hook-key", &self.hook_key)
            .header("x-lc-prod", if staging { "0" } else { "1" })
            .header("content-type", "application/json")
            .body(params)
            .timeout(ANSWER_TIMEOUT);
        let response = request.send().await?;
        let status = response.status().as_u16();
        let outcome =
            response.headers().get("x-hookd-outcome").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = response.text().await?;
        // Functions write JSON as JavaScript does.
        let body = foreign_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(InvokeAnswer { status, outcome, body })
    }
}

/// Refuses names that would mean another call in a URL.
pub fn check_name(name: &str) -> Result<(), InputError> {
    if ["", ".", ".."].contains(&name) {
        let problem = format!("`{name}` names no function");
        return Err(InputError::new(problem).hint("`hookd releases` lists those of each version"));
    }
    Ok(())
}
