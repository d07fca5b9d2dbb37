//! §1.12.

use serde_json::json;

use crate::conformance::case::{Case, Request, anonymous};
use crate::conformance::expected::{empty, error, result, unauthorized};
use crate::conformance::target::Kind::Python;
use crate::harness::AppKeys;

const ORIGIN: &str = "https://console.example";

const METHODS: [&str; 6] = ["HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS"];

const ALLOWED_HEADERS: [&str; 21] = [
    "Content-Type",
    "X-AVOSCloud-Application-Id",
    "X-AVOSCloud-Application-Key",
    "X-AVOSCloud-Application-Production",
    "X-AVOSCloud-Client-Version",
    "X-AVOSCloud-Request-Sign",
    "X-AVOSCloud-Session-Token",
    "X-AVOSCloud-Super-Key",
    "X-LC-Hook-Key",
    "X-LC-Id",
    "X-LC-Key",
    "X-LC-Prod",
    "X-LC-Session",
    "X-LC-Sign",
    "X-LC-UA",
    "X-Requested-With",
    "X-Uluru-Application-Id",
    "X-Uluru-Application-Key",
    "X-Uluru-Application-Production",
    "X-Uluru-Client-Version",
    "X-Uluru-Session-Token",
];

/// The origin comes back on success and on errors; Python says `*` to every caller.
pub fn simple_requests(keys: &AppKeys) -> Vec<Case> {
    let any = "§1.12: `*` for every caller";
    let from = |request: Request| request.header("origin", ORIGIN);
    vec![
        from(keys.call("number")).expect(result(json!(7)).for_origin(ORIGIN)).differs(Python, any, result(json!(7))),
        from(anonymous("number")).expect(unauthorized().for_origin(ORIGIN)).differs(Python, any, unauthorized()),
        from(keys.call("missing"))
            .expect(error(404, 1, "No such cloud function 'missing'").for_origin(ORIGIN))
            .differs(Python, "§1.9", error(404, 404, "cloud func named 'missing' not found.")),
        from(keys.call("refuses")).expect(error(400, 1, "no luck").for_origin(ORIGIN)).differs(
            Python,
            "§1.9",
            error(400, 400, "no luck"),
        ),
    ]
}

pub fn ec_20_preflight(_: &AppKeys) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in
        ["/1.1/functions/_ops/metadatas", "/1/call/anything", "/1.1/functions/", "/1.1/functions/Post/beforeSave"]
    {
        let options = || Request::new("OPTIONS", path);
        for (request, answer) in
            [(options(), empty()), (options().header("origin", ORIGIN), empty().for_origin(ORIGIN))]
        {
            let answer = answer.with_list("access-control-max-age", &["86400"]);
            let ours = answer.clone().with_list("access-control-allow-headers", &ALLOWED_HEADERS);
            let ours = ours.with_list("access-control-allow-methods", &METHODS).with_list("content-length", &["0"]);
            let python = answer.with_list("access-control-allow-methods", &METHODS[1..]);
            cases.push(request.expect(ours).differs(Python, "§1.12: without HEAD", python));
        }
    }
    cases
}
