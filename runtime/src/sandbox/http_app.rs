//! Components that answer HTTP requests, made for `wasmtime serve`, Spin or wasmCloud: each is asked as a LeanEngine app is, and answers
//! as one (`engine-contract` §1).

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;

use api_types::{Definition, Environment, FunctionKind, Limits};
use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, FORWARDED};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::environment::GuestVariables;
use super::guest_call::GuestCall;
use super::guest_error::too_long;
use super::state::CallState;
use crate::outcome::Outcome;

/// Where an app lists its functions.
const METADATAS: &str = "_ops/metadatas";
/// What the names of functions keep in a path.
const KEPT_IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'~');

/// A whole answer.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Success<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure {
    /// A number, or in some SDKs a text (EC-16).
    #[serde(default)]
    code: Value,
    error: String,
}

#[derive(Deserialize)]
struct Metadatas {
    result: Vec<String>,
}

/// Calls a function.
///
/// # Errors
/// When the guest did not return.
pub(super) async fn call(store: &mut Store<CallState>, app: &Proxy, call: &GuestCall<'_>) -> wasmtime::Result<Outcome> {
    let asked = ask(store, app, request_of(call), call.limits).await?;
    Ok(match asked.and_then(|answer| answer.outcome()) {
        Ok(outcome) => outcome,
        Err(message) => Outcome::BadReply { message },
    })
}

/// Asks an app for the names of its functions, as the platform does.
///
/// # Errors
/// When the guest did not return.
pub(super) async fn definitions(
    store: &mut Store<CallState>,
    app: &Proxy,
    (app_id, limits): (&str, &Limits),
) -> wasmtime::Result<Result<Vec<Definition>, Outcome>> {
    let mut headers = Headers::of(app_id, store.data().variables.as_ref());
    let master_key = headers.value("LEANCLOUD_APP_MASTER_KEY");
    headers.add("x-lc-key", &format!("{master_key},master"));
    let asked = ask(store, app, headers.request(Method::GET, METADATAS, Bytes::new()), limits).await?;
    let names = asked.and_then(|answer| answer.names()).map_err(|reason| Outcome::BadReply {
        message: format!("`GET /1.1/functions/{METADATAS}` gets no list of functions: {reason}"),
    });
    // The list says nothing else of them.
    Ok(names.map(|names| names.into_iter().map(|name| Definition { name, internal: false }).collect()))
}

/// One request, and the answer up to the longest reply; the text of an answer that cannot be used.
async fn ask(
    store: &mut Store<CallState>,
    app: &Proxy,
    request: Request<Bytes>,
    limits: &Limits,
) -> wasmtime::Result<Result<Answer, String>> {
    let (sender, receiver) = oneshot::channel();
    let request = request
        .map(|body| Full::new(body).map_err(|never: Infallible| -> wasmtime_wasi_http::Error { match never {} }));
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let response = store.data_mut().http().new_response_outparam(sender)?;
    let mut reading = pin!(read(receiver, limits));
    let mut handling = pin!(app.wasi_http_incoming_handler().call_handle(&mut *store, request, response));
    tokio::select! {
        biased;
        answer = &mut reading => {
            // What fails after its answer has failed. An answer that cannot be used is not waited for.
            if answer.is_ok() {
                handling.await?;
            }
            Ok(answer)
        }
        handled = &mut handling => {
            handled?;
            // All that it will ever send is there.
            let whole = tokio::task::unconstrained(reading).now_or_never();
            Ok(whole.unwrap_or_else(|| Err("it returned without a whole response".to_owned())))
        }
    }
}

type Sent = Result<Response<HyperOutgoingBody>, ErrorCode>;

async fn read(response: oneshot::Receiver<Sent>, limits: &Limits) -> Result<Answer, String> {
    let response = match response.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => return Err(format!("it answered with the error `{code:?}`")),
        Err(_) => return Err("it set no response".to_owned()),
    };
    let status = response.status();
    let mut frames = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = frames.frame().await {
        let frame = frame.map_err(|error| format!("its response broke off: {error}"))?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limits.reply_bytes.saturating_sub(body.len()) {
            return Err(too_long(limits));
        }
        body.extend_from_slice(&data);
    }
    Ok(Answer { status, body })
}

impl Answer {
    /// EC 1.8 and 1.9.
    fn outcome(self) -> Result<Outcome, String> {
        if self.status == StatusCode::OK {
            let Success { result } = serde_json::from_slice(&self.body)
                .map_err(|error| format!("it is no object with `result`: {error}"))?;
            return Ok(Outcome::Replied(result.map_or_else(Bytes::new, |result| result.get().to_owned().into())));
        }
        if !(self.status.is_client_error() || self.status.is_server_error()) {
            return Err(format!("its status is {}, neither 200 nor that of an error", self.status.as_u16()));
        }
        let failure: Option<Failure> = serde_json::from_slice(&self.body).ok();
        let (code, message) = match failure {
            Some(Failure { code, error }) => (code.as_i64().and_then(|code| i32::try_from(code).ok()), error),
            None => (None, format!("it answered with status {}", self.status.as_u16())),
        };
        Ok(Outcome::failed(code.unwrap_or(1), self.status.as_u16(), message))
    }

    fn names(self) -> Result<Vec<String>, String> {
        if self.status != StatusCode::OK {
            return Err(format!("its status is {}", self.status.as_u16()));
        }
        let Metadatas { result } = serde_json::from_slice(&self.body).map_err(|error| error.to_string())?;
        Ok(result)
    }
}

fn request_of(call: &GuestCall<'_>) -> Request<Bytes> {
    let mut headers = Headers::of(call.app_id, call.variables.as_ref());
    let app_key = headers.value("LEANCLOUD_APP_KEY");
    headers.add("x-lc-key", &app_key);
    if FunctionKind::of(call.name).is_reserved() {
        let hook_key = headers.value("LEANCLOUD_APP_HOOK_KEY");
        headers.add("x-lc-hook-key", &hook_key);
    }
    headers.add("x-lc-prod", if call.environment == Environment::Production { "1" } else { "0" });
    headers.add("x-request-id", call.log.request_id());
    if let Some(token) = call.session_token {
        headers.add("x-lc-session", token);
    }
    if let Some(address) = call.remote_address {
        headers.add("x-real-ip", address);
        headers.add(FORWARDED.as_str(), &forwarded(address));
    }
    if let Some(sequence) = call.sequence {
        headers.add("x-hookd-sequence", &sequence.to_string());
    }
    let path = utf8_percent_encode(call.name, KEPT_IN_PATH).to_string();
    headers.request(Method::POST, &path, Bytes::copy_from_slice(call.params.as_bytes()))
}

/// As RFC 7239 writes it (EC-32).
fn forwarded(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("for=\"[{address}]\""),
        _ => format!("for={address}"),
    }
}

/// The headers of a request, and the keys that they may hold.
struct Headers {
    variables: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    fn of(app_id: &str, variables: Option<&GuestVariables>) -> Self {
        let variables = variables.map(|variables| variables()).unwrap_or_default();
        let mut headers = Self { variables, headers: Vec::new() };
        headers.add("x-lc-id", app_id);
        headers
    }

    fn value(&self, variable: &str) -> String {
        let found = self.variables.iter().find(|(name, _)| name == variable);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A value that no header can have is left out: a session token is the caller's, and may be anything.
    fn add(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
    }

    fn request(self, method: Method, path: &str, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        if let Ok(uri) = format!("http://localhost/1.1/functions/{path}").parse() {
            *request.uri_mut() = uri;
        }
        if method != Method::GET {
            let length = HeaderValue::from(request.body().len());
            request.headers_mut().insert(CONTENT_LENGTH, length);
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        *request.method_mut() = method;
        request.headers_mut().extend(self.headers);
        request
    }
}
