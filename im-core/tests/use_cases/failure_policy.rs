//! Every blocking hook × every way to answer × both policies.

use hookd_im_core::app::{FailurePolicy, ImSettings};
use hookd_im_core::conversations;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::hooks::FailureCause;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, basic, ids, message, refusal};

const HOOKS: [&str; 4] = ["_messageReceived", "_conversationStart", "_conversationAdd", "_conversationRemove"];

/// A conversation of Tom and Jerry, and the request that a hook decides about.
struct Scene {
    world: World,
    tom: Client,
    jerry: Client,
    conversation: ConversationId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
        let conversation = world.conversation(&mut tom, &["jerry"]).await;
        jerry.events();
        Self { world, tom, jerry, conversation }
    }

    async fn request(&self, hook: &str) -> Result<(), RequestError> {
        let (core, request, conversation) = (&self.world.core, &self.tom.request(), &self.conversation);
        match hook {
            "_messageReceived" => messages::send(core, request, message(conversation, "hi")).await.map(drop),
            "_conversationStart" => {
                let new = basic(&["jerry"]);
                conversations::start(core, request, new).await.map(drop)
            }
            "_conversationAdd" => conversations::add(core, request, conversation, ids(&["spike"])).await.map(drop),
            "_conversationRemove" => {
                conversations::remove(core, request, conversation, ids(&["jerry"])).await.map(drop)
            }
            other => panic!("no request is about `{other}`"),
        }
    }

    /// Whether the request has had any effect that Jerry or the store can see.
    async fn was_carried_out(&mut self, hook: &str) -> bool {
        let told = !self.jerry.events().is_empty();
        let row = self.world.row(&self.conversation).await;
        let kept = match hook {
            "_messageReceived" => !self.world.history(&self.conversation).await.is_empty(),
            "_conversationStart" => told,
            _ => row.members != ids(&["jerry", "tom"]),
        };
        assert_eq!(told, kept, "{hook}: the stored state and the params of hooks must agree");
        kept
    }
}

fn failure_code(hook: &str) -> Code {
    if hook == "_messageReceived" { Code::InternalError } else { Code::ConversationInternalError }
}

fn failures(hook: &str) -> Vec<(Script, FailureCause)> {
    let mut failures = vec![
        (Script::Fail(FailureCause::Failed), FailureCause::Failed),
        (Script::Fail(FailureCause::TimedOut), FailureCause::TimedOut),
        (Script::Fail(FailureCause::Trapped), FailureCause::Trapped),
        (Script::Fail(FailureCause::OutOfMemory), FailureCause::OutOfMemory),
        (Script::Fail(FailureCause::Overloaded), FailureCause::Overloaded),
        (Script::Fail(FailureCause::BadReply), FailureCause::BadReply),
        (Script::Fail(FailureCause::Unavailable), FailureCause::Unavailable),
        (Script::Hang, FailureCause::TimedOut),
        (Script::Reply("<html>".to_owned()), FailureCause::BadReply),
        (Script::Reply("[]".to_owned()), FailureCause::BadReply),
        (Script::Reply("\"ok\"".to_owned()), FailureCause::BadReply),
        (Script::Reply("true".to_owned()), FailureCause::BadReply),
    ];
    if hook == "_messageReceived" {
        let too_large = json!({ "content": "x".repeat(5 * 1024 + 1) });
        let no_base64 = json!({ "content": "###", "bin": true });
        failures.push((Script::Reply(too_large.to_string()), FailureCause::BadReply));
        failures.push((Script::Reply(no_base64.to_string()), FailureCause::BadReply));
    }
    failures
}

#[tokio::test]
async fn under_ignore_a_failed_hook_is_as_if_there_were_none() {
    for hook in HOOKS {
        for (script, _) in failures(hook) {
            let mut scene = Scene::new().await;
            scene.world.set(|settings| settings.blocking_hook_timeout_ms = 20).await;
            scene.world.engine.define(hook, script.clone());
            assert!(scene.request(hook).await.is_ok(), "{hook} {script:?}");
            assert!(scene.was_carried_out(hook).await, "{hook} {script:?}");
        }
    }
}

#[tokio::test]
async fn under_abort_a_failed_hook_stops_the_request_with_an_error_of_the_server() {
    for hook in HOOKS {
        for (script, cause) in failures(hook) {
            let mut scene = Scene::new().await;
            scene.world.set(|settings| settings.blocking_hook_timeout_ms = 20).await;
            scene.world.set_policy(FailurePolicy::Abort).await;
            scene.world.engine.define(hook, script.clone());
            let (code, app_code, detail) = refusal(scene.request(hook).await);
            assert_eq!((code, app_code), (failure_code(hook), None), "{hook} {script:?}");
            let expected = format!("hook call failed: `{hook}`: {}: ", cause.name());
            assert!(detail.unwrap().starts_with(&expected), "{hook} {script:?}");
            assert!(!scene.was_carried_out(hook).await, "{hook} {script:?}");
        }
    }
}

/// Settings for one failure: what is said of hook and cause, of the hook, of the cause, of the app.
fn exceptions(hook: &str, cause: FailureCause) -> [String; 3] {
    [format!("{hook}:{}", cause.name()), hook.to_owned(), format!(":{}", cause.name())]
}

#[tokio::test]
async fn the_narrowest_policy_for_hook_and_cause_decides() {
    let (ignore, abort) = (FailurePolicy::Ignore, FailurePolicy::Abort);
    // hook and cause, hook, cause, app -> what happens
    let table = [
        (Some(abort), Some(ignore), Some(ignore), ignore, abort),
        (Some(ignore), Some(abort), Some(abort), abort, ignore),
        (None, Some(abort), Some(ignore), ignore, abort),
        (None, Some(ignore), Some(abort), abort, ignore),
        (None, None, Some(abort), ignore, abort),
        (None, None, Some(ignore), abort, ignore),
        (None, None, None, abort, abort),
        (None, None, None, ignore, ignore),
    ];
    for hook in HOOKS {
        for cause in FailureCause::ALL {
            for (hook_and_cause, of_hook, of_cause, of_app, expected) in table {
                let case = format!("{hook} {cause:?} {hook_and_cause:?} {of_hook:?} {of_cause:?} {of_app:?}");
                let mut scene = Scene::new().await;
                let given = exceptions(hook, cause).into_iter().zip([hook_and_cause, of_hook, of_cause]);
                let given = given.filter_map(|(scope, policy)| Some((scope, policy?)));
                // What is said of other hooks and causes must not matter: it says the opposite.
                let opposite = if expected == abort { ignore } else { abort };
                let other_hook = HOOKS.into_iter().find(|other| *other != hook).unwrap();
                let other_cause = FailureCause::ALL.into_iter().find(|other| *other != cause).unwrap();
                let [other_both, ..] = exceptions(hook, other_cause);
                let [_, other_hook, other_cause] = exceptions(other_hook, other_cause);
                let others = [other_both, other_hook, other_cause].map(|scope| (scope, opposite));
                let policies = others.into_iter().chain(given).collect();
                scene
                    .world
                    .set(|settings| {
                        settings.on_hook_failure = of_app;
                        settings.hook_failure_policies = policies;
                    })
                    .await;
                scene.world.engine.define(hook, Script::Fail(cause));
                let result = scene.request(hook).await;
                assert_eq!(result.is_err(), expected == abort, "{case}");
                assert_eq!(scene.was_carried_out(hook).await, expected == ignore, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_policy_for_what_does_not_exist_is_refused_by_name_and_changes_nothing() {
    let world = World::new();
    for (scope, named) in [
        ("_messageRecieved", "`_messageRecieved` is not a hook"),
        ("_messageReceived:slow", "`slow` is not a cause of failure; causes are `failed`, `timeout`"),
        ("_messageSent:timeout", "no request waits for `_messageSent`"),
    ] {
        let policies = [(scope.to_owned(), FailurePolicy::Abort)].into();
        let settings = ImSettings { hook_failure_policies: policies, ..ImSettings::default() };
        let error = world.core.settings.update(&world.app.id, settings).await.unwrap_err().to_string();
        assert!(error.contains("`hook_failure_policies`") && error.contains(named), "{error}");
    }
    assert_eq!(*world.core.settings.get(&world.app.id).await.unwrap(), ImSettings::default());
}

#[tokio::test]
async fn a_reply_without_an_opinion_lets_the_request_happen_under_both_policies() {
    let replies = ["null", "{}", "", r#"{"unknown": 1}"#, r#"{"code": "a text", "detail": 7}"#];
    let falsy = ["false", "null", "0", "\"\""];
    for hook in HOOKS {
        let refuse = if hook == "_messageReceived" { "drop" } else { "reject" };
        let falsy = falsy.iter().map(|value| format!(r#"{{"{refuse}": {value}}}"#));
        for reply in replies.iter().map(|&reply| reply.to_owned()).chain(falsy) {
            for policy in [FailurePolicy::Ignore, FailurePolicy::Abort] {
                let mut scene = Scene::new().await;
                scene.world.set_policy(policy).await;
                scene.world.engine.reply(hook, &reply);
                assert!(scene.request(hook).await.is_ok(), "{hook} {reply}");
                assert!(scene.was_carried_out(hook).await, "{hook} {reply}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_reaches_the_client_with_the_code_and_detail_of_the_hook_under_both_policies() {
    for hook in HOOKS {
        let (refuse, code) = match hook {
            "_messageReceived" => ("drop", Code::MessageRejectedByApp),
            _ => ("reject", Code::ConversationRejectedByApp),
        };
        for (reply, app_code, detail) in [
            (json!({ refuse: true, "code": 1234, "detail": "no" }), Some(1234), Some("no".to_owned())),
            (json!({ refuse: true }), None, None),
            (json!({ refuse: 1, "code": 1.5, "detail": 9 }), None, None),
            (json!({ refuse: "false" }), None, None),
            (json!({ refuse: [] }), None, None),
        ] {
            for policy in [FailurePolicy::Ignore, FailurePolicy::Abort] {
                let mut scene = Scene::new().await;
                scene.world.set_policy(policy).await;
                scene.world.engine.reply(hook, &reply);
                let expected = (code, app_code, detail.clone());
                assert_eq!(refusal(scene.request(hook).await), expected, "{hook} {reply}");
                assert!(!scene.was_carried_out(hook).await, "{hook} {reply}");
            }
        }
    }
}

#[tokio::test]
async fn a_hook_that_is_not_defined_is_never_called_and_never_a_failure() {
    for hook in HOOKS {
        let mut scene = Scene::new().await;
        scene.world.set_policy(FailurePolicy::Abort).await;
        assert!(scene.request(hook).await.is_ok(), "{hook}");
        assert!(scene.was_carried_out(hook).await, "{hook}");
        assert!(scene.world.engine.calls().is_empty(), "{hook}");
    }
}

#[tokio::test]
async fn the_deadline_of_a_call_comes_from_the_settings() {
    let scene = Scene::new().await;
    scene.world.engine.reply("_conversationStart", "null");
    scene.world.engine.reply("_messageReceived", "null");
    scene
        .world
        .set(|settings| {
            settings.blocking_hook_timeout_ms = 700;
            settings.hook_timeouts_ms.insert("_messageReceived".to_owned(), 300);
        })
        .await;
    scene.request("_messageReceived").await.unwrap();
    scene.request("_conversationStart").await.unwrap();
    let deadlines: Vec<u128> = scene.world.engine.calls().iter().map(|call| call.deadline.as_millis()).collect();
    assert_eq!(deadlines, [300, 700]);
}
