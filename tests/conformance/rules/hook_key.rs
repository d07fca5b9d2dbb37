//! §1.5: what only the platform may call.

use serde_json::json;

use crate::conformance::case::{Case, Request, anonymous};
use crate::conformance::expected::{Expected, error, foreign, result, unauthorized};
use crate::conformance::target::Kind::{Node, Python};
use crate::harness::AppKeys;

const ADDRESS: &str = "192.0.2.1";

/// The 14 of §2.1.
const HOOKS: [&str; 14] = [
    "_messageReceived",
    "_messageSent",
    "_receiversOffline",
    "_messageUpdate",
    "_conversationStart",
    "_conversationStarted",
    "_conversationAdd",
    "_conversationAdded",
    "_conversationRemove",
    "_conversationRemoved",
    "_conversationUpdate",
    "_clientOnline",
    "_clientOffline",
    "_rtmClientSign",
];

/// Path and name, as the error text has it.
const USER_HOOKS: [(&str, &str); 6] = [
    ("onVerified/sms", "onVerified"),
    ("onVerified/email", "onVerified"),
    ("_User/onLogin", "onLogin"),
    ("_User/onAuthData", "onAuthData"),
    ("BigQuery/onComplete", "onComplete"),
    ("Insight/onComplete", "onComplete"),
];

fn refused() -> Expected {
    error(401, 401, &format!("Hook key check failed, request from {ADDRESS}"))
}

fn unknown(name: &str) -> Expected {
    error(404, 1, &format!("No such cloud function '{name}'"))
}

fn unknown_in_python(name: &str) -> Expected {
    error(404, 404, &format!("cloud func named '{name}' not found."))
}

pub fn reserved_names(keys: &AppKeys) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in HOOKS {
        let is_defined = name == "_messageReceived";
        for hook_key in [None, Some("wrong"), Some("")] {
            let request = keys.call(name).header("x-real-ip", ADDRESS);
            let request = hook_key.into_iter().fold(request, |request, key| request.header("x-lc-hook-key", key));
            let case = request.expect(refused()).differs(Python, "§1.5: the generic text", unauthorized());
            cases.push(case.differs_if(!is_defined, Node, "§1.2: existence first", unknown(name)));
        }
        let case = keys.call_hook(name);
        cases.push(match is_defined {
            true => case.json("{\"_a\":[1]}").expect(result(json!({"_a": [1]}))).differs(
                Python,
                "§1.6: underscore keys are dropped",
                result(json!({})),
            ),
            false => case.expect(unknown(name)).differs(Python, "§1.9", unknown_in_python(name)),
        });
    }
    let master = Request::new("POST", "/1.1/call/_messageReceived").of_master(keys).header("x-real-ip", ADDRESS);
    cases.push(master.expect(refused()).differs(Python, "§1.5: the generic text", unauthorized()));
    let hook_key_alone = anonymous("_messageReceived").header("x-lc-hook-key", &keys.hook_key);
    cases.push(hook_key_alone.expect(unauthorized()));
    // The old scheme does not count as a key (§1.5).
    let signed = keys.call("_messageReceived").header("x-real-ip", ADDRESS).json(r#"{"__sign":"1,2"}"#);
    cases.push(signed.expect(refused()).differs(Python, "§1.5: the generic text", unauthorized()));
    cases
}

pub fn ec_10_other_underscore_names(keys: &AppKeys) -> Vec<Case> {
    let own = keys.call("_serviceEvent").header("x-real-ip", ADDRESS);
    vec![
        keys.call("_custom").json("{\"a\":1}").expect(result(json!({"a": 1}))),
        keys.call("_serviceEvent_").expect(unknown("_serviceEvent_")).differs(
            Python,
            "§1.9",
            unknown_in_python("_serviceEvent_"),
        ),
        own.expect(refused()).differs(Node, "EC-10: hookd's own name", result(json!({}))).differs(
            Python,
            "EC-10: hookd's own name",
            result(json!({})),
        ),
        keys.call_hook("_serviceEvent").expect(result(json!({}))),
    ]
}

/// §9.1 has the forms of credentials; here is what else opens or closes the door.
pub fn internal_functions(keys: &AppKeys) -> Vec<Case> {
    let refused = || error(401, 401, &format!("Internal cloud function, request from {ADDRESS}"));
    let inside = || result(json!("inside"));
    let mut cases = Vec::new();
    for path in ["/1.1/functions/insideOnly", "/1/functions/insideOnly"] {
        let post = || Request::new("POST", path).header("x-real-ip", ADDRESS);
        let app = post().of_app(keys).expect(refused());
        cases.push(app.differs(Python, "§3.3: no `internal`", inside()));
        cases.push(post().of_master(keys).expect(inside()));
        cases.push(post().of_app(keys).header("x-lc-hook-key", &keys.hook_key).expect(inside()));
        let wrong = post().of_app(keys).header("x-lc-hook-key", "wrong").expect(refused());
        cases.push(wrong.differs(Python, "§3.3: no `internal`", inside()));
        cases.push(post().header("x-lc-hook-key", &keys.hook_key).expect(unauthorized()));
    }
    cases
}

pub fn class_and_user_hooks(keys: &AppKeys) -> Vec<Case> {
    let no_class_hook = |class: &str, hook: &str| error(404, 1, &format!("No {hook} hook of '{class}'"));
    let mut cases = Vec::new();
    for hook in ["beforeSave", "afterSave", "beforeUpdate", "afterUpdate", "beforeDelete", "afterDelete"] {
        let path = format!("Post/{hook}");
        let without = keys.call(&path).header("x-real-ip", ADDRESS).expect(refused());
        cases.push(without.differs(Python, "§1.5: the generic text", unauthorized()));
        let with = keys.call_hook(&path).json(r#"{"object":{}}"#).expect(no_class_hook("Post", hook));
        cases.push(with.differs(Python, "§1.9: it breaks", foreign(500)));
    }
    for (path, hook) in USER_HOOKS {
        let without = keys.call(path).header("x-real-ip", ADDRESS).expect(refused());
        cases.push(without.differs(Python, "§1.5: the generic text", unauthorized()));
        let with =
            keys.call_hook(path).json(r#"{"object":{}}"#).expect(error(404, 1, &format!("No such hook: {hook}")));
        let is_job = hook == "onComplete";
        let with = with.differs_if(is_job, Node, "observed: it breaks", foreign(500));
        let nothing = if path.starts_with("Insight") { foreign(500) } else { result(json!(null)) };
        cases.push(with.differs(Python, "observed: nothing to do is success, unless it breaks", nothing));
    }
    let unheard_of = keys.call_hook("Post/afterThought").json("{}").expect(no_class_hook("Post", "afterThought"));
    cases.push(unheard_of.differs(Python, "§1.9: it breaks", foreign(500)));
    cases
}
