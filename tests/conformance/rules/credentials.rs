//! §1.3 and §1.4: the caller, its address, and the environment of a call.

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::FUNCTIONS;
use crate::conformance::case::{Case, Request, anonymous};
use crate::conformance::expected::{Expected, error, foreign, names, result, unauthorized};
use crate::conformance::target::Kind::{Node, Python};
use crate::harness::AppKeys;

const IDS: [&str; 3] = ["x-lc-id", "x-avoscloud-application-id", "x-uluru-application-id"];
const KEYS: [&str; 3] = ["x-lc-key", "x-avoscloud-application-key", "x-uluru-application-key"];
const MASTER_KEYS: [&str; 2] = ["x-avoscloud-master-key", "x-uluru-master-key"];
const SIGNATURES: [&str; 2] = ["x-lc-sign", "x-avoscloud-request-sign"];
const ENVIRONMENTS: [&str; 3] = ["x-lc-prod", "x-avoscloud-application-production", "x-uluru-application-production"];
const SESSIONS: [&str; 3] = ["x-lc-session", "x-uluru-session-token", "x-avoscloud-session-token"];

const ADDRESS: &str = "192.0.2.1";

/// `<md5 hex>,<milliseconds>` and what comes behind it.
fn signature(key: &str, milliseconds: u64, end: &str) -> String {
    let digest = hex::encode(Md5::digest(format!("{milliseconds}{key}")));
    format!("{digest},{milliseconds}{end}")
}

/// The forms of credentials beside the app id: header, value, and whether they make a master of the caller.
fn forms(keys: &AppKeys) -> Vec<(&'static str, String, bool)> {
    const MILLISECONDS: u64 = 1_700_000_000_000;
    let mut forms = Vec::new();
    for name in KEYS {
        forms.push((name, keys.app_key.clone(), false));
        forms.push((name, keys.master_key.clone(), false));
        forms.push((name, format!("{},master", keys.master_key), true));
    }
    for name in MASTER_KEYS {
        forms.push((name, keys.master_key.clone(), true));
    }
    for name in SIGNATURES {
        forms.push((name, signature(&keys.app_key, MILLISECONDS, ""), false));
        forms.push((name, signature(&keys.app_key, MILLISECONDS, "").to_uppercase(), false));
        forms.push((name, signature(&keys.master_key, MILLISECONDS, ",master"), true));
    }
    forms
}

pub fn every_form_of_credentials(keys: &AppKeys) -> Vec<Case> {
    let mut cases = Vec::new();
    for (header, value, is_master) in forms(keys) {
        let with = |request: Request| {
            let request = request.header("x-lc-id", &keys.app_id).header(header, &value);
            request.header("x-real-ip", ADDRESS)
        };
        cases.push(with(anonymous("number")).expect(result(json!(7))));
        let refused = error(401, 401, &format!("Internal cloud function, request from {ADDRESS}"));
        let inside = if is_master { result(json!("inside")) } else { refused };
        let case = with(anonymous("insideOnly")).expect(inside);
        cases.push(case.differs_if(!is_master, Python, "§3.3: no `internal`", result(json!("inside"))));
        let list = if is_master { names(&FUNCTIONS) } else { unauthorized() };
        cases.push(with(Request::new("GET", "/1.1/functions/_ops/metadatas")).expect(list));
        // Not even the master key stands in for the hook key.
        let refused = error(401, 401, &format!("Hook key check failed, request from {ADDRESS}"));
        let case = with(anonymous("_messageReceived")).expect(refused);
        cases.push(case.differs(Python, "§1.5: the generic text", unauthorized()));
        let hook = with(anonymous("_messageReceived")).header("x-lc-hook-key", &keys.hook_key);
        cases.push(hook.json("{\"a\":1}").expect(result(json!({"a": 1}))));
    }
    cases
}

/// The first that is not empty counts; hookd and Node begin with the short names, Python with the long ones.
pub fn header_aliases_and_their_precedence(keys: &AppKeys) -> Vec<Case> {
    let mut cases = Vec::new();
    for id in IDS {
        cases.push(anonymous("number").header(id, &keys.app_id).header("x-lc-key", &keys.app_key).expect(ok()));
    }
    let mut both = |short: &'static str, long: &'static str, right: &str, others: &dyn Fn(Request) -> Request| {
        let with = |short_value: &str, long_value: &str| {
            others(anonymous("number")).header(short, short_value).header(long, long_value)
        };
        // With a comma, so that it might be a signature.
        let wrong = "wrong,1";
        let short_wins = "§8: long names first";
        cases.push(with(right, wrong).expect(ok()).differs(Python, short_wins, unauthorized()));
        cases.push(with(wrong, right).expect(unauthorized()).differs(Python, short_wins, ok()));
        cases.push(with("", right).expect(ok()));
        cases.push(with(right, "").expect(ok()));
    };
    let keyed = |request: Request| request.header("x-lc-key", &keys.app_key);
    let named = |request: Request| request.header("x-lc-id", &keys.app_id);
    both(IDS[0], IDS[1], &keys.app_id, &keyed);
    both(IDS[0], IDS[2], &keys.app_id, &keyed);
    both(KEYS[0], KEYS[1], &keys.app_key, &named);
    both(KEYS[0], KEYS[2], &keys.app_key, &named);
    both(SIGNATURES[0], SIGNATURES[1], &signature(&keys.app_key, 1, ""), &named);
    // Names are compared without case.
    let shouted = anonymous("number").header("X-LC-ID", &keys.app_id).header("X-LC-KEY", &keys.app_key);
    cases.push(shouted.expect(ok()));
    cases
}

fn ok() -> Expected {
    result(json!(7))
}

pub fn ec_6_old_signatures(keys: &AppKeys) -> Vec<Case> {
    [0, 1, 4_102_444_800_000]
        .map(|milliseconds| {
            let signed = anonymous("number").header("x-lc-id", &keys.app_id);
            signed.header("x-lc-sign", signature(&keys.app_key, milliseconds, "")).expect(ok())
        })
        .into()
}

/// The key of LeanCloud's Android SDK.
pub fn signature_of_the_android_sdk(keys: &AppKeys) -> Vec<Case> {
    let signed = anonymous("number").header("x-lc-id", &keys.app_id);
    let signed = signed.header("x-lc-sign", signature(keys.android_key, 1, ",ax-sig-1"));
    let no_such_key = "§1.4: hookd's apps have no such key";
    vec![signed.expect(unauthorized()).differs(Node, no_such_key, ok()).differs(Python, no_such_key, ok())]
}

pub fn ec_7_signature_with_another_app_id(keys: &AppKeys) -> Vec<Case> {
    [signature(&keys.app_key, 1, ""), signature(&keys.master_key, 1, ",master")]
        .map(|signature| {
            let signed = anonymous("number").header("x-lc-id", "nobody").header("x-lc-sign", signature);
            signed.expect(unauthorized()).differs(Node, "EC-7: any id will do", ok())
        })
        .into()
}

pub fn ec_8_refused_credentials(keys: &AppKeys) -> Vec<Case> {
    let id = ("x-lc-id", keys.app_id.clone());
    let refused: Vec<Vec<(&'static str, String)>> = vec![
        vec![],
        vec![id.clone()],
        vec![("x-lc-key", keys.app_key.clone())],
        vec![("x-avoscloud-master-key", keys.master_key.clone())],
        vec![("x-lc-hook-key", keys.hook_key.clone())],
        vec![("x-lc-id", "nobody".to_owned()), ("x-lc-key", keys.app_key.clone())],
        vec![id.clone(), ("x-lc-key", "wrong".to_owned())],
        vec![id.clone(), ("x-lc-key", keys.app_key.to_uppercase() + "x")],
        vec![id.clone(), ("x-lc-key", "wrong,master".to_owned())],
        vec![id.clone(), ("x-lc-key", format!("{},master", keys.app_key))],
        vec![id.clone(), ("x-avoscloud-master-key", keys.app_key.clone())],
        vec![id.clone(), ("x-lc-key", keys.hook_key.clone())],
        vec![id.clone(), ("x-lc-sign", signature("wrong", 1, ""))],
        vec![id.clone(), ("x-lc-sign", signature(&keys.app_key, 1, ",master"))],
        vec![id.clone(), ("x-lc-sign", signature(&keys.master_key, 1, ""))],
    ];
    let mut cases: Vec<Case> = Vec::new();
    for headers in refused {
        let request =
            headers.into_iter().fold(anonymous("number"), |request, (name, value)| request.header(name, value));
        cases.push(request.expect(unauthorized()));
    }
    let unfinished = signature(&keys.app_key, 1, "").split(',').next().expect("a part").to_owned();
    let request = anonymous("number").header("x-lc-id", &keys.app_id).header("x-lc-sign", unfinished);
    cases.push(request.expect(unauthorized()).differs(Python, "observed: it breaks", foreign(500)));
    cases
}

/// One process of LeanEngine is one environment, which the platform picks; hookd has both.
pub fn environment_of_the_call(keys: &AppKeys) -> Vec<Case> {
    let is = |environment: &str| caller(json!("127.0.0.1"), Value::Null, environment);
    let platform = "§1.3: the platform picks the process";
    let mut cases = vec![keys.call("caller").expect(is("production"))];
    for header in ENVIRONMENTS {
        for staging in ["0", "false"] {
            let case = keys.call("caller").header(header, staging).expect(is("staging"));
            cases.push(case.differs(Node, platform, is("production")).differs(Python, platform, is("production")));
        }
        for production in ["1", "true", "", "staging"] {
            cases.push(keys.call("caller").header(header, production).expect(is("production")));
        }
    }
    let short_first = keys.call("caller").header(ENVIRONMENTS[0], "1").header(ENVIRONMENTS[1], "0");
    cases.push(short_first.expect(is("production")));
    cases
}

fn caller(address: Value, session: Value, environment: &str) -> Expected {
    result(json!({ "address": address, "session": session, "environment": environment }))
}

pub fn session_token_of_the_call(keys: &AppKeys) -> Vec<Case> {
    let is = |session: Value| caller(json!("127.0.0.1"), session, "production");
    let mut cases = vec![keys.call("caller").expect(is(Value::Null))];
    for header in SESSIONS {
        cases.push(keys.call("caller").header(header, "a-token").expect(is(json!("a-token"))));
    }
    let both = keys.call("caller").header(SESSIONS[0], "short").header(SESSIONS[1], "long");
    let long_first = "§8: long names first";
    cases.push(both.expect(is(json!("short"))).differs(Python, long_first, is(json!("long"))));
    let long = keys.call("caller").header(SESSIONS[1], "uluru").header(SESSIONS[2], "avoscloud");
    cases.push(long.expect(is(json!("uluru"))));
    cases
}

/// §3.4. Python does not know `Forwarded`.
pub fn address_of_the_caller(keys: &AppKeys) -> Vec<Case> {
    let is = |address: &str| caller(json!(address), Value::Null, "production");
    let socket = "127.0.0.1";
    let with = |headers: &[(&'static str, &str)]| {
        headers.iter().fold(keys.call("caller"), |request, (name, value)| request.header(name, *value))
    };
    let forwarded = |value: &str, address: &str| {
        let case = with(&[("forwarded", value)]).expect(is(address));
        case.differs_if(address != socket, Python, "§3.4: step 3 only", is(socket))
    };
    vec![
        with(&[]).expect(is(socket)),
        forwarded("for=1.2.3.4", "1.2.3.4"),
        forwarded("for=1.2.3.4, for=10.0.0.1", "1.2.3.4"),
        forwarded("for=1.2.3.4, for=5.6.7.8", "5.6.7.8"),
        forwarded("for=192.168.0.9, for=10.0.0.1", "192.168.0.9"),
        forwarded("proto=https;for=1.2.3.4;by=10.0.0.1", "1.2.3.4"),
        forwarded("For=\"1.2.3.4\"", "1.2.3.4"),
        forwarded("for=\"1.2.3.4:5678\"", "1.2.3.4").differs(Node, "§3.4: no ports", is(socket)),
        // The IM core writes the addresses of its clients so.
        forwarded("for=\"[2001:db8::1]\"", "2001:db8::1").differs(Node, "§3.4: no brackets", is(socket)),
        forwarded("for=\"[2001:db8::1]:5678\"", "2001:db8::1").differs(Node, "§3.4: no brackets", is(socket)),
        // Ignored as a whole.
        forwarded("for=_hidden", socket),
        forwarded("for=1.2.3.4, by=10.0.0.1", socket),
        with(&[("forwarded", "for=_hidden"), ("x-real-ip", "1.2.3.4")]).expect(is("1.2.3.4")),
        with(&[("forwarded", "for=1.2.3.4"), ("x-real-ip", "5.6.7.8")]).expect(is("1.2.3.4")).differs(
            Python,
            "§3.4: step 3 only",
            is("5.6.7.8"),
        ),
        // The header that a proxy should set goes before those that a client may have sent.
        with(&[("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")])
            .expect(is("5.6.7.8"))
            .differs(Node, "§3.4: X-Real-IP first", is("1.2.3.4"))
            .differs(Python, "§3.4: X-Real-IP first", is("1.2.3.4")),
        with(&[("x-forwarded-for", "1.2.3.4, 5.6.7.8")])
            .expect(is("5.6.7.8"))
            .differs(Node, "§3.4: the list verbatim", is("1.2.3.4, 5.6.7.8"))
            .differs(Python, "§3.4: the list verbatim", is("1.2.3.4, 5.6.7.8")),
        with(&[("x-real-ip", ""), ("x-forwarded-for", "1.2.3.4")]).expect(is("1.2.3.4")),
    ]
}
