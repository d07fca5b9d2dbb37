//! §1.6: the forms of a body.

use serde_json::json;

use crate::conformance::case::{Case, Request, anonymous};
use crate::conformance::expected::{answer, error, error_like, foreign, long_result, result, unauthorized};
use crate::conformance::target::Kind::{Node, Python};
use crate::harness::AppKeys;

const BREAKS: &str = "§1.9: it breaks";

pub fn json(keys: &AppKeys) -> Vec<Case> {
    let post = |content_type: &str, body: &str| keys.call("echo").body(content_type, body);
    let mut cases = vec![
        post("application/json", "{}").expect(result(json!({}))),
        post("application/json", "").expect(result(json!({}))),
        post("application/json", r#"{"a": [1, 2.5, null, "é\n"], "b": {"c": true}}"#)
            .expect(result(json!({"a": [1, 2.5, null, "é\n"], "b": {"c": true}}))),
        post("application/json; charset=utf-8", r#"{"a":1}"#).expect(result(json!({"a": 1}))),
        post("application/json", "\u{feff}{\"a\":1}").expect(result(json!({"a": 1}))).differs(
            Python,
            BREAKS,
            foreign(500),
        ),
        post("Application/JSON", r#"{"a":1}"#).expect(result(json!({"a": 1}))),
        // Underscore keys are parameters like others, except in plain text.
        post("application/json", r#"{"_a":1,"__b":2}"#).expect(result(json!({"_a": 1, "__b": 2}))).differs(
            Python,
            "§1.6: underscore keys are dropped",
            result(json!({})),
        ),
    ];
    for malformed in ["{", "7", "\"text\"", "null", "true", "{\"a\":1} x", "\u{feff}{", "{'a':1}"] {
        let case = post("application/json", malformed).expect(error_like(400, 1, "").without_cors());
        cases.push(case.differs(Python, BREAKS, foreign(500)));
    }
    cases
}

pub fn form(keys: &AppKeys) -> Vec<Case> {
    let post = |body: &str| keys.call("echo").body("application/x-www-form-urlencoded", body);
    let python = |case: Case| case.differs(Python, "§1.6: every body is JSON", foreign(500));
    vec![
        python(post("a=1&b=x+y&c=%C3%A9").expect(result(json!({"a": "1", "b": "x y", "c": "é"})))),
        python(post("a=1&b=2&a=3&a=4&flag").expect(result(json!({"a": ["1", "3", "4"], "b": "2", "flag": ""})))),
        python(post("a[b]=1&__proto__=2").expect(result(json!({"a[b]": "1", "__proto__": "2"})))),
        python(post(&"a=&".repeat(1_001)).expect(error(413, 1, "too many parameters").without_cors())),
        post("").expect(result(json!({}))),
    ]
}

/// hookd says that it does not decompress; the other servers cannot.
pub fn compressed(keys: &AppKeys) -> Vec<Case> {
    const GZIP: [u8; 27] = [
        0x1f, 0x8b, 0x8, 0x0, 0x0, 0x0, 0x0, 0x0, 0x2, 0x3, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0x5, 0x0, 0xaf,
        0xac, 0x1b, 0x56, 0x7, 0x0, 0x0, 0x0,
    ];
    let case = keys.call("echo").json(GZIP).header("content-encoding", "gzip");
    let refused = error(415, 1, "the body is compressed; send it as it is, without `Content-Encoding`").without_cors();
    let node = "observed: it decompresses";
    vec![case.expect(refused).differs(Node, node, result(json!({"a": 1}))).differs(Python, BREAKS, foreign(500))]
}

pub fn plain_text(keys: &AppKeys) -> Vec<Case> {
    // What Python finds in headers, it does not look for in the body.
    let post = |body: &str| anonymous("echo").body("text/plain", body);
    let (id, key, master) = (&keys.app_id, &keys.app_key, &keys.master_key);
    let own = format!(r#"{{"_ApplicationId":"{id}","_ApplicationKey":"{key}","_x":1,"__y":2,"a":3}}"#);
    let as_master = format!(r#"{{"_ApplicationId":"{id}","_MasterKey":"{master}"}}"#);
    let session = format!(r#"{{"_ApplicationId":"{id}","_ApplicationKey":"{key}","_SessionToken":"s"}}"#);
    let staging = |value: &str| {
        format!(r#"{{"_ApplicationId":"{id}","_ApplicationKey":"{key}","_ApplicationProduction":{value}}}"#)
    };
    let caller = |session: serde_json::Value, environment: &str| {
        result(json!({ "address": "127.0.0.1", "session": session, "environment": environment }))
    };
    let mut cases = vec![
        post(&own).expect(result(json!({"__y": 2, "a": 3}))).differs(
            Python,
            "§1.6: underscore keys are dropped",
            result(json!({"a": 3})),
        ),
        anonymous("insideOnly").body("text/plain;charset=UTF-8", as_master).expect(result(json!("inside"))),
        anonymous("caller").body("text/plain", session).expect(caller(json!("s"), "production")).differs(
            Node,
            "observed: known only to `fetchUser`",
            caller(json!(null), "production"),
        ),
        post(r#"{"a":1}"#).expect(unauthorized()),
        post("7").expect(unauthorized()).differs(Python, BREAKS, foreign(500)),
        post("[1]").expect(unauthorized()).differs(Python, BREAKS, foreign(500)),
        // Headers do not count here.
        keys.call("echo").body("text/plain", r#"{"a":1}"#).expect(unauthorized()).differs(
            Python,
            "§1.4: headers count",
            result(json!({"a": 1})),
        ),
    ];
    for (value, environment) in [
        ("0", "staging"),
        ("\"0\"", "staging"),
        ("false", "staging"),
        ("\"false\"", "staging"),
        ("1", "production"),
        ("true", "production"),
    ] {
        let case = anonymous("caller").body("text/plain", staging(value)).expect(caller(json!(null), environment));
        let is_other = environment == "staging";
        let platform = "§1.3: the platform picks the process";
        let production = || caller(json!(null), "production");
        cases.push(case.differs_if(is_other, Node, platform, production()).differs_if(
            is_other,
            Python,
            platform,
            production(),
        ));
    }
    for malformed in ["", "{", "text"] {
        // Taken apart after CORS.
        let case = post(malformed).expect(error_like(400, 1, ""));
        cases.push(case.differs(Python, BREAKS, foreign(500)));
    }
    cases
}

pub fn other_content_types(keys: &AppKeys) -> Vec<Case> {
    let python = "§1.6: every body is JSON";
    ["application/octet-stream", "image/png", "text/html", "application/xml"]
        .map(|content_type| {
            let case = keys.call("echo").body(content_type, r#"{"a":1}"#).expect(result(json!({})));
            case.differs(Python, python, result(json!({"a": 1})))
        })
        .into()
}

/// 20 MiB in every form.
pub fn ec_12_size_limit(keys: &AppKeys) -> Vec<Case> {
    const BELOW: usize = 20_900_000;
    const ABOVE: usize = (20 << 20) + 9;
    let object = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes));
    let too_large = || error(413, 1, "request entity too large").without_cors();
    let unlimited = "observed: no limit";
    let mut cases = vec![keys.call("echo").json(object(BELOW)).expect(long_result(BELOW))];
    let above = keys.call("echo").json(object(ABOVE)).expect(too_large());
    cases.push(above.differs(Python, unlimited, long_result(ABOVE)));
    let text = anonymous("echo").body("text/plain", object(ABOVE)).expect(too_large());
    cases.push(text.differs(Python, unlimited, unauthorized()));
    let form = keys.call("echo").body("application/x-www-form-urlencoded", format!("a={}", "x".repeat(ABOVE)));
    cases.push(form.expect(too_large()).differs(Python, "§1.6: every body is JSON", foreign(500)));
    cases
}

pub fn ec_13_arrays(keys: &AppKeys) -> Vec<Case> {
    let broken = || answer(500, json!({"code": 141, "error": "Cloud Code script had an error."}));
    ["/1.1/functions/echo", "/1.1/call/echo"]
        .map(|path| {
            let request = Request::new("POST", path).of_app(keys);
            let case = request.json(r#"[1,"two",[]]"#).expect(result(json!([1, "two", []])));
            let lost = result(json!([{}, {}, {}]));
            let case =
                case.differs_if(path.contains("/call/"), Node, "§1.8: `call` loses scalars, a known defect", lost);
            case.differs(Python, "EC-13", broken())
        })
        .into()
}
