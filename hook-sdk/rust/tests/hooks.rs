//! Hooks and functions, called as the engine calls them.

#![expect(clippy::unwrap_used, reason = "params that do not serialize are a failed test")]

use std::{num::ParseIntError, time::Duration};

use hook_sdk::{call, functions, prelude::*};

#[hook]
fn message_received(message: MessageReceivedParams, context: &Context) -> Result<MessageReceivedReply> {
    println!("{} for {}", message.from_peer, context.request_id);
    Ok(match message.content.as_str() {
        "drop" => MessageReceivedReply::drop(1234, "not \"here\""),
        "rewrite" => MessageReceivedReply::content("rewritten").because(7, "why"),
        "fail" => return Err(Failure::new(42, "failed on purpose").with_status(403)),
        _ => MessageReceivedReply::pass(),
    })
}

#[hook]
fn message_sent(message: MessageSentParams) -> Result<(), ParseIntError> {
    let _: i32 = message.content.parse()?;
    Ok(())
}

#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}

#[function(name = "addUp", internal)]
fn add(numbers: Vec<i64>) -> Result<i64> {
    Ok(numbers.iter().sum())
}

#[function]
fn budget(_: serde_json::Value, context: &Context) -> Result<u64> {
    dbg!(context.deadline);
    Ok(context.deadline.as_secs())
}

fn message(content: &str) -> String {
    let params = MessageReceivedParams {
        from_peer: "alice".into(),
        content: content.into(),
        ..MessageReceivedParams::default()
    };
    serde_json::to_string(&params).unwrap()
}

#[test]
fn every_function_is_listed_under_its_name() {
    assert_eq!(
        functions(),
        [("_messageReceived", false), ("_messageSent", false), ("addUp", true), ("budget", false), ("hello", false)]
    );
}

#[test]
fn replies_are_json_without_what_is_not_said() {
    let context = Context::default();
    let reply = |content| call("_messageReceived", &message(content), &context).unwrap();
    assert_eq!(reply("drop"), r#"{"drop":true,"code":1234,"detail":"not \"here\""}"#);
    assert_eq!(reply("rewrite"), r#"{"code":7,"detail":"why","content":"rewritten"}"#);
    assert_eq!(reply("pass"), "{}");
}

#[test]
fn failures_keep_their_code_and_status() {
    let failure = call("_messageReceived", &message("fail"), &Context::default()).unwrap_err();
    assert_eq!((failure.code(), failure.status(), failure.message()), (42, 403, "failed on purpose"));
}

#[test]
fn other_errors_fail_with_code_1_and_status_500() {
    let params = r#"{"fromPeer":"a","convId":"c","msgId":"m","content":"no number","timestamp":1}"#;
    let failure = call("_messageSent", params, &Context::default()).unwrap_err();
    assert_eq!((failure.code(), failure.status()), (1, 500));
    assert_eq!(failure.message(), "invalid digit found in string");
}

#[test]
fn params_that_do_not_fit_are_named() {
    let failure = call("_messageReceived", r#"{"fromPeer": 5}"#, &Context::default()).unwrap_err();
    assert_eq!((failure.code(), failure.status()), (1, 400));
    assert!(failure.message().starts_with("the params do not fit `_messageReceived`: "), "{}", failure.message());
}

#[test]
fn unknown_function() {
    let failure = call("nobody", "{}", &Context::default()).unwrap_err();
    assert_eq!((failure.code(), failure.status(), failure.message()), (1, 404, "No such cloud function 'nobody'"));
}

#[test]
fn functions_take_and_return_anything_that_serde_knows() {
    assert_eq!(call("hello", "{}", &Context::default()).unwrap(), r#""hello""#);
    assert_eq!(call("addUp", "[1, 2, 3]", &Context::default()).unwrap(), "6");
    let context = Context { deadline: Duration::from_secs(3), ..Context::default() };
    assert_eq!(call("budget", "{}", &context).unwrap(), "3");
}

#[test]
fn hooks_stay_ordinary_functions() {
    let reply = message_received(MessageReceivedParams::default(), &Context::default());
    assert_eq!(reply, Ok(MessageReceivedReply::pass()));
    assert_eq!(hello(), Ok("hello"));
}
