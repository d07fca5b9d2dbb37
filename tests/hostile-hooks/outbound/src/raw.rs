//! `wasi:http` without the SDK.

use self::wasi::http::outgoing_handler::handle;
use self::wasi::http::types::{Fields, OutgoingRequest, Scheme};

wit_bindgen::generate!({
    path: "../../../wit/0.2.0",
    inline: "
        package tests:outbound;
        world raw {
            import wasi:http/outgoing-handler@0.2.12;
        }
    ",
    world: "tests:outbound/raw",
    generate_all,
});

/// True when there is a response, which is kept.
pub fn keep_open(authority: &str, path: &str) -> bool {
    let request = OutgoingRequest::new(Fields::new());
    let named = request.set_authority(Some(authority)).and(request.set_path_with_query(Some(path)));
    if named.and(request.set_scheme(Some(&Scheme::Http))).is_err() {
        return false;
    }
    let Ok(answer) = handle(request, None) else { return false };
    answer.subscribe().block();
    let response = match answer.get() {
        Some(Ok(Ok(response))) => response,
        _ => return false,
    };
    let body = response.consume();
    let is_answered = body.is_ok();
    std::mem::forget(body);
    std::mem::forget(response);
    is_answered
}
