//! Functions that send the HTTP requests in their params, and return the results.

use std::collections::BTreeMap;

use hook_sdk::http::{self, Response};
use hook_sdk::prelude::*;
use serde::{Deserialize, Serialize};

mod raw;

#[derive(Deserialize, Serialize)]
struct Fetch {
    url: String,
    /// A GET without, or a POST where there is a body.
    #[serde(default)]
    method: Option<String>,
    /// Bytes of the request's body.
    #[serde(default)]
    body_bytes: usize,
    #[serde(default)]
    redirects: u32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct KeepOpen {
    url: String,
    requests: u32,
}

#[derive(Serialize)]
struct Fetched {
    status: u16,
    bytes: usize,
    text: String,
}

impl From<Response> for Fetched {
    fn from(response: Response) -> Self {
        let text = response.text().chars().take(200).collect();
        Self { status: response.status(), bytes: response.bytes().len(), text }
    }
}

/// One request.
#[function]
fn fetch(fetch: Fetch) -> Result<Fetched> {
    let method = fetch.method.as_deref().unwrap_or(if fetch.body_bytes == 0 { "GET" } else { "POST" });
    let request = http::Request::new(method, fetch.url).body(vec![b'a'; fetch.body_bytes]);
    let request = match fetch.timeout_ms {
        Some(timeout_ms) => request.timeout(std::time::Duration::from_millis(timeout_ms)),
        None => request,
    };
    let request = fetch.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    Ok(request.redirects(fetch.redirects).send()?.into())
}

#[derive(Deserialize)]
struct Answer {
    result: String,
}

/// Calls itself over HTTP, without end; returns the error of the last call.
#[function]
fn again(fetch: Fetch) -> Result<String> {
    let request = http::post(&fetch.url).json(&fetch)?;
    let headers = fetch.headers.into_iter();
    let response = headers.fold(request, |request, (name, value)| request.header(name, value)).send()?;
    Ok(if response.is_success() { response.json::<Answer>()?.result } else { response.text().into_owned() })
}

/// Requests without end, one after the other, until one fails.
#[function]
fn flood(fetch: Fetch) -> Result<()> {
    loop {
        http::get(&fetch.url).send()?;
    }
}

/// Sends requests without end, also after errors.
#[function]
fn insist(fetch: Fetch) -> Result<u32> {
    let mut refused = 0;
    for _ in 0..1_000 {
        refused += u32::from(http::get(&fetch.url).send().is_err());
    }
    Ok(refused)
}

/// Sends requests, reads no response, and keeps all of them open, after the call too; how many were answered.
#[function]
fn keep_open(KeepOpen { url, requests }: KeepOpen) -> Result<u32> {
    let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let path = url.trim_start_matches("http://").trim_start_matches(authority);
    Ok((0..requests).map(|_| u32::from(raw::keep_open(authority, path))).sum())
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
