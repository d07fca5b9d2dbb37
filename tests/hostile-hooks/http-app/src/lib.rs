//! A component that answers HTTP requests, on WASI alone: a LeanEngine app that is decent in some functions and fails in others.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};
use wasip2::cli::environment::get_environment;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};

struct App;

wasip2::http::proxy::export!(App);

const FUNCTIONS: [&str; 18] = [
    "_messageReceived",
    "echo",
    "\u{4f60}\u{597d}",
    "count",
    "directories",
    "fetch",
    "nothing",
    "refuse",
    "redirect",
    "not-json",
    "endless",
    "huge-head",
    "no-response",
    "half",
    "short",
    "trap-after-answer",
    "error",
    "loop",
];

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Guest for App {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let name = path.strip_prefix("/1.1/functions/").unwrap_or_default();
        if name == "_ops/metadatas" {
            let is_master = header(&request, "x-lc-key") == format!("{},master", variable("LEANCLOUD_APP_MASTER_KEY"));
            return match (request.method(), is_master) {
                (Method::Get, true) => answer(out, 200, &json!({ "result": FUNCTIONS })),
                _ => answer(out, 401, &json!({ "code": 401, "error": "Unauthorized." })),
            };
        }
        match name {
            "_messageReceived" => {
                let is_platform = header(&request, "x-lc-hook-key") == variable("LEANCLOUD_APP_HOOK_KEY");
                let body = body_of(&request);
                match is_platform {
                    true => answer(
                        out,
                        200,
                        &json!({ "result": { "content": body["content"].as_str().map(str::to_uppercase) } }),
                    ),
                    false => answer(out, 401, &json!({ "code": 401, "error": "Hook key check failed" })),
                }
            }
            "echo" | "%E4%BD%A0%E5%A5%BD" => {
                let headers: Map<_, _> = request
                    .headers()
                    .entries()
                    .into_iter()
                    .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned().into()))
                    .collect();
                let keys = ["LEANCLOUD_APP_ID", "LEANCLOUD_APP_KEY"].map(variable);
                answer(out, 200, &json!({ "result": { "headers": headers, "keys": keys, "body": body_of(&request) } }));
            }
            "count" => answer(out, 200, &json!({ "result": CALLS.fetch_add(1, Ordering::Relaxed) })),
            "directories" => {
                let directories = wasip2::filesystem::preopens::get_directories().len();
                answer(out, 200, &json!({ "result": directories }));
            }
            "fetch" => {
                let answered = fetch(body_of(&request)["host"].as_str().unwrap_or_default());
                answer(out, 200, &json!({ "result": answered }));
            }
            "nothing" => answer(out, 200, &json!({})),
            "refuse" => answer(out, 403, &json!({ "code": "ETEXT", "error": "not today" })),
            "redirect" => answer(out, 302, &json!({})),
            "not-json" => respond(out, 200, &[], |write| write(b"<h1>Hello</h1>")),
            "endless" => respond(out, 200, &[], |write| {
                loop {
                    write(&[b' '; 4096]);
                }
            }),
            "huge-head" => {
                let fields = Fields::new();
                for number in 0_u64.. {
                    if fields.append(&format!("x-{number}"), &vec![b'x'; 64 << 10]).is_err() {
                        break;
                    }
                }
                ResponseOutparam::set(out, Ok(OutgoingResponse::new(fields)));
            }
            "no-response" => {}
            "half" => {
                let response = OutgoingResponse::new(Fields::new());
                let body = response.body().unwrap();
                ResponseOutparam::set(out, Ok(response));
                let stream = body.write().unwrap();
                stream.blocking_write_and_flush(b"{\"result\":").unwrap();
                std::mem::forget((body, stream));
            }
            "short" => respond(out, 200, &[("content-length", "100")], |write| write(b"{\"result\":1}")),
            "trap-after-answer" => {
                answer(out, 200, &json!({ "result": 1 }));
                std::process::abort();
            }
            "error" => ResponseOutparam::set(out, Err(ErrorCode::ConfigurationError)),
            "loop" => loop {
                std::hint::spin_loop();
            },
            _ => answer(out, 404, &json!({ "code": 1, "error": format!("No such cloud function '{name}'") })),
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, body: &Value) {
    respond(out, status, &[("content-type", "application/json")], |write| write(body.to_string().as_bytes()));
}

fn respond(out: ResponseOutparam, status: u16, headers: &[(&str, &str)], body: impl FnOnce(&dyn Fn(&[u8]))) {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).unwrap();
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).unwrap();
    let outgoing = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    let stream = outgoing.write().unwrap();
    body(&|bytes| {
        for chunk in bytes.chunks(4096) {
            stream.blocking_write_and_flush(chunk).unwrap();
        }
    });
    drop(stream);
    // The host refuses a body of another length than the head says.
    let _ = OutgoingBody::finish(outgoing, None);
}

fn header(request: &IncomingRequest, name: &str) -> String {
    let values = request.headers().get(name);
    values.first().map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

fn variable(name: &str) -> String {
    get_environment().into_iter().find(|(found, _)| found == name).map(|(_, value)| value).unwrap_or_default()
}

fn body_of(request: &IncomingRequest) -> Value {
    let body = request.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    while let Ok(chunk) = stream.blocking_read(4096) {
        bytes.extend(chunk);
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// The status, or the error's name.
fn fetch(host: &str) -> Value {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(host)).unwrap();
    request.set_path_with_query(Some("/")).unwrap();
    let response = match outgoing_handler::handle(request, None) {
        Ok(response) => response,
        Err(code) => return format!("{code:?}").into(),
    };
    response.subscribe().block();
    match response.get().unwrap().unwrap() {
        Ok(response) => response.status().into(),
        Err(code) => format!("{code:?}").into(),
    }
}
