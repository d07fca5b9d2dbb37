//! The functions that the conformance tests know. The same stand in `tests/leanengine/known_functions.js` and in
//! `tests/leancloud-python/known_functions.py`.

use hook_sdk::__private::Function;
use hook_sdk::prelude::*;
use serde_json::{Value, json};

#[function]
fn echo(params: Value) -> Result<Value> {
    Ok(params)
}

#[function(name = "_custom")]
fn underscore(params: Value) -> Result<Value> {
    Ok(params)
}

#[function(name = "insideOnly", internal)]
fn inside_only() -> Result<&'static str> {
    Ok("inside")
}

#[function]
fn number() -> Result<i64> {
    Ok(7)
}

#[function]
fn text() -> Result<&'static str> {
    Ok("seven")
}

#[function]
fn boolean() -> Result<bool> {
    Ok(true)
}

#[function]
fn list() -> Result<Value> {
    Ok(json!([1, "two", null]))
}

#[function]
fn null() -> Result<()> {
    Ok(())
}

#[function]
fn refuses() -> Result<()> {
    Err(Failure::new(1, "no luck"))
}

#[function(name = "refusesAs418")]
fn refuses_as_418() -> Result<()> {
    Err(Failure::new(4321, "tea \"pot\"\n茶").with_status(418))
}

#[function(name = "refusesAsSuccess")]
fn refuses_as_success() -> Result<()> {
    Err(Failure::new(1, "all is well").with_status(226))
}

#[function(name = "refusesWordless")]
fn refuses_wordless() -> Result<()> {
    Err(Failure::new(1, ""))
}

#[function]
fn breaks() -> Result<()> {
    Err(std::fmt::Error.into())
}

/// Later than any limit that the tests set.
#[function]
fn late() -> Result<()> {
    loop {
        std::hint::spin_loop();
    }
}

#[function]
fn caller(_params: Value, context: &Context) -> Result<Value> {
    let environment = match context.environment {
        Environment::Production => "production",
        Environment::Staging => "staging",
    };
    Ok(json!({
        "address": context.remote_address,
        "session": context.session_token,
        "environment": environment,
    }))
}

fn repeat(params: &str, _context: &Context) -> Result<String> {
    Ok(params.to_owned())
}

fn nothing(_params: &str, _context: &Context) -> Result<String> {
    Ok(String::new())
}

fn garbled(_params: &str, _context: &Context) -> Result<String> {
    Ok("{\"never\": \"ended".to_owned())
}

// Past `#[hook]` and `#[function]`, which always reply with JSON of the hook's own type.
hook_sdk::__private::submit! {
    Function { name: "_messageReceived", internal: false, run: repeat }
}
hook_sdk::__private::submit! {
    Function { name: "_serviceEvent", internal: false, run: repeat }
}
hook_sdk::__private::submit! {
    Function { name: "nothing", internal: false, run: nothing }
}
hook_sdk::__private::submit! {
    Function { name: "garbled", internal: false, run: garbled }
}
