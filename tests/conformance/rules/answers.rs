//! §1.8 to §1.11: results, errors, the time limit.

use serde_json::{Value, json};

use crate::conformance::case::{Case, Request};
use crate::conformance::expected::{answer, error, error_like, result};
use crate::conformance::target::Kind::{Node, Python};
use crate::harness::AppKeys;

pub fn results_of_functions(keys: &AppKeys) -> Vec<Case> {
    let call = |name: &str, value: Value| keys.call(name).expect(result(value));
    vec![
        call("number", json!(7)),
        call("text", json!("seven")),
        call("boolean", json!(true)),
        call("list", json!([1, "two", null])),
        call("null", json!(null)),
        keys.call("nothing").expect(answer(200, json!({}))).differs(
            Python,
            "§1.8: `None` is null",
            result(json!(null)),
        ),
        keys.call("echo").json(r#"{"a":{"b":[]}}"#).expect(result(json!({"a": {"b": []}}))),
    ]
}

pub fn results_of_call(keys: &AppKeys) -> Vec<Case> {
    let post = |name: &str| Request::new("POST", format!("/1.1/call/{name}")).of_app(keys);
    let nothing = || result(json!({}));
    // A known defect of Node: anything but objects and arrays is lost.
    let scalar = |name: &str, value: Value| post(name).expect(result(value)).differs(Node, "§1.8", nothing());
    let null = |name: &str| post(name).expect(nothing()).differs(Python, "observed: null stays", result(json!(null)));
    vec![
        scalar("number", json!(7)),
        scalar("text", json!("seven")),
        scalar("boolean", json!(true)),
        post("list").expect(result(json!([1, "two", null]))).differs(Node, "§1.8", result(json!([{}, {}, {}]))),
        null("null"),
        null("nothing"),
        post("echo").json(r#"{"a":{"b":[]}}"#).expect(result(json!({"a": {"b": []}}))),
    ]
}

/// Typed objects pass hookd as they are: what the function gets is what was sent. The SDKs make objects of them and write
/// those again.
pub fn typed_objects_of_call(keys: &AppKeys) -> Vec<Case> {
    let post = |body: Value| Request::new("POST", "/1.1/call/echo").of_app(keys).json(body.to_string());
    let same = |body: Value| post(body.clone()).expect(result(body));
    vec![
        same(json!({"at": {"__type": "Date", "iso": "2026-11-21T08:00:00.000Z"}})),
        same(json!({"place": {"__type": "GeoPoint", "latitude": 1.5, "longitude": 2.5}})),
        same(json!({"post": {"__type": "Pointer", "className": "Post", "objectId": "1"}})).differs(
            Python,
            "§1.8: full typed objects",
            result(json!({"post": {"__type": "Object", "className": "Post", "objectId": "1"}})),
        ),
    ]
}

pub fn errors_of_functions(keys: &AppKeys) -> Vec<Case> {
    let mut cases = Vec::new();
    for family in ["functions", "call"] {
        let post = |name: &str| Request::new("POST", format!("/1.1/{family}/{name}")).of_app(keys);
        cases.extend([
            post("missing").expect(error(404, 1, "No such cloud function 'missing'")).differs(
                Python,
                "§1.9",
                error(404, 404, "cloud func named 'missing' not found."),
            ),
            post("refuses").expect(error(400, 1, "no luck")).differs(Python, "§1.9", error(400, 400, "no luck")),
            post("refusesAs418").expect(error(418, 4321, "tea \"pot\"\n茶")),
            post("breaks").expect(error(500, 1, "an error occurred when formatting an argument")).differs(
                Python,
                "§1.9",
                error(500, 141, "Cloud Code script had an error."),
            ),
            // What the function returned cannot be written as JSON.
            post("garbled")
                .expect(error_like(500, 1, ""))
                .differs_if(family == "call", Node, "§1.8: `call` loses scalars", result(json!({})))
                .differs(Python, "§1.9", error(500, 141, "Cloud Code script had an error.")),
            // A caller cannot recognize an error with a success status; hookd makes it a server error.
            post("refusesAsSuccess")
                .expect(error(500, 1, "all is well"))
                .differs(Node, "§1.9", error(226, 1, "all is well"))
                .differs(Python, "§1.9", error(226, 1, "all is well")),
        ]);
    }
    cases
}

pub fn ec_15_refusal_without_a_word(keys: &AppKeys) -> Vec<Case> {
    let itself = json!({"code": 1, "error": {"name": "CloudError", "message": "", "status": 400}});
    let case = keys.call("refusesWordless").expect(error(400, 1, "unknown error"));
    vec![case.differs(Node, "§1.9: the value itself", answer(400, itself)).differs(Python, "§1.9", error(400, 400, ""))]
}

pub fn ec_18_time_limit(keys: &AppKeys) -> Vec<Case> {
    let late = keys.call("late").expect(error(503, 124, "The request timed out on the server."));
    vec![
        late.differs(Python, "§1.11: no limit", result(json!("late"))),
        // The next call is as good as any.
        keys.call("number").expect(result(json!(7))),
    ]
}
