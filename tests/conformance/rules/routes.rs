//! §1.1, §1.2, §1.13: paths, methods, what comes before what.

use serde_json::json;

use super::FUNCTIONS;
use crate::conformance::case::{Case, Request, anonymous};
use crate::conformance::expected::{Expected, error, error_like, foreign, names, result, texts, unauthorized};
use crate::conformance::target::Kind::{Node, Python};
use crate::harness::AppKeys;

fn post(keys: &AppKeys, path: &str) -> Request {
    Request::new("POST", path).of_app(keys)
}

pub fn ec_1_both_versions_and_both_families(keys: &AppKeys) -> Vec<Case> {
    let functions = ["/1/functions/number", "/1.1/functions/number"];
    let call = ["/1/call/number", "/1.1/call/number"];
    let functions = functions.map(|path| post(keys, path).expect(result(json!(7))));
    let call = call.map(|path| {
        let case = post(keys, path).expect(result(json!(7)));
        case.differs(Node, "§1.8: `call` loses numbers, a known defect", result(json!({})))
    });
    functions.into_iter().chain(call).collect()
}

pub fn ec_2_any_method_and_no_body(keys: &AppKeys) -> Vec<Case> {
    ["POST", "PUT", "GET"]
        .map(|method| Request::new(method, "/1.1/functions/echo").of_app(keys).expect(result(json!({}))))
        .into()
}

pub fn ec_3_query_escapes_and_trailing_slash(keys: &AppKeys) -> Vec<Case> {
    let unknown = |name: &str| error(404, 1, &format!("No such cloud function '{name}'"));
    vec![
        post(keys, "/1.1/functions/echo?x=1").expect(result(json!({}))).differs(Node, "EC-3", unknown("echo?x=1")),
        post(keys, "/1.1/functions/%65cho").expect(result(json!({}))).differs(Node, "EC-3", unknown("%65cho")),
        post(keys, "/1.1/functions/echo/").expect(result(json!({}))).differs(
            Python,
            "observed: strict about slashes",
            foreign(404),
        ),
    ]
}

pub fn ec_4_empty_name(keys: &AppKeys) -> Vec<Case> {
    let nothing = |path: &str| error(404, 1, &format!("No function name or class name: {path}"));
    ["/1.1/functions/", "/1/functions/", "/1.1/call/"]
        .map(|path| post(keys, path).expect(nothing(path)).differs(Python, "observed: no such route", foreign(404)))
        .into()
}

pub fn ec_5_other_routes(keys: &AppKeys) -> Vec<Case> {
    ["/2/functions/number", "/1.1/functionsnumber", "/1.1/classes/Post", "/functions/number"]
        .map(|path| post(keys, path).expect(foreign(404)))
        .into()
}

pub fn health(keys: &AppKeys) -> Vec<Case> {
    let ping = |content_type| texts(["runtime", "version"], content_type);
    let answered = |request: Request| {
        let case = request.expect(ping("application/json"));
        case.differs(Python, "observed: another content type", ping("text/plain; charset=utf-8"))
    };
    // Our monitors need not know whose SDK answers: the forms of Python and C# work as well.
    let other_form = |path| Request::new("GET", path).expect(ping("application/json"));
    vec![
        answered(Request::new("GET", "/__engine/1/ping")),
        answered(Request::new("POST", "/__engine/1/ping").of_app(keys)),
        answered(Request::new("GET", "/__engine/1.1/ping/")).differs(Node, "§1.1: Python only", foreign(404)),
        other_form("/__engine/1.1/ping").differs(Node, "§1.1: C# only", foreign(404)).differs(
            Python,
            "§1.1: C# only",
            foreign(401),
        ),
    ]
}

pub fn metadatas(keys: &AppKeys) -> Vec<Case> {
    let paths = ["/1.1/functions/_ops/metadatas", "/1/functions/_ops/metadatas", "/1.1/call/_ops/metadatas"];
    let mut cases = Vec::new();
    for path in paths {
        let is_call = path.contains("/call/");
        let python = |case: Case| case.differs_if(is_call, Python, "observed: `functions` only", foreign(404));
        let get = || Request::new("GET", path);
        cases.push(python(get().of_master(keys).expect(names(&FUNCTIONS))));
        cases.push(python(get().of_app(keys).expect(unauthorized())));
        let platform = get().of_app(keys).header("x-lc-hook-key", &keys.hook_key);
        cases.push(python(platform.expect(unauthorized())));
        cases.push(get().expect(unauthorized()));
    }
    cases
}

/// §1.2: the body is read before the sender is checked, and CORS comes in between.
pub fn order_of_processing(keys: &AppKeys) -> Vec<Case> {
    let malformed = |expected: Expected| expected.without_cors();
    vec![
        anonymous("echo").json("{").expect(malformed(error_like(400, 1, ""))).differs(
            Python,
            "§1.9: credentials first",
            unauthorized(),
        ),
        Request::new("OPTIONS", "/1.1/functions/echo").json("{").expect(malformed(error_like(400, 1, ""))).differs(
            Python,
            "observed: no body is read",
            foreign(200),
        ),
        anonymous("echo")
            .json(vec![b'x'; (20 << 20) + 9])
            .expect(malformed(error(413, 1, "request entity too large")))
            .differs(Python, "observed: no limit", unauthorized()),
        // Credentials before existence.
        anonymous("missing").expect(unauthorized()),
        anonymous("").expect(unauthorized()),
        // The hook key before existence.
        keys.call("_clientOnline")
            .header("x-real-ip", "192.0.2.1")
            .expect(error(401, 401, "Hook key check failed, request from 192.0.2.1"))
            .differs(Node, "§1.2", error(404, 1, "No such cloud function '_clientOnline'"))
            .differs(Python, "§1.5", unauthorized()),
    ]
}
