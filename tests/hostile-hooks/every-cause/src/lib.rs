//! Hooks that fail as their params say: `_messageReceived/trap` anywhere in them makes `_messageReceived` trap. The words
//! behind the slash are those of the failure policy; without one, a hook has no opinion.

use std::hint::black_box;

use hook_sdk::__private::Function;
use hook_sdk::prelude::*;

const PIECE_BYTES: usize = 1024 * 1024;

/// Keeps a place for calls occupied until the engine ends it.
#[function]
fn hold() -> Result<()> {
    spin()
}

/// Tells whether a place is free.
#[function]
fn probe() -> Result<()> {
    Ok(())
}

fn fail(hook: &str, params: &str) -> Result<String> {
    let cause = params.split_once(&format!("{hook}/")).map(|(_, rest)| rest);
    match cause.and_then(|rest| rest.split(['/', '"']).next()) {
        None => Ok("{}".to_owned()),
        Some("failed") => Err(Failure::new(7, "failed on purpose")),
        Some("timeout") => spin(),
        Some("trap") => panic!("on purpose"),
        Some("out_of_memory") => hoard(),
        Some("bad_reply") => Ok("{\"never\": \"ended".to_owned()),
        Some(_) => Ok("{}".to_owned()),
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn hoard() -> ! {
    let mut pieces = Vec::new();
    loop {
        pieces.push(black_box(vec![1_u8; PIECE_BYTES]));
    }
}

macro_rules! hooks {
    ($($name:literal)*) => {
        // Past `#[hook]`, whose replies are always JSON.
        $(hook_sdk::__private::submit! {
            Function { name: $name, internal: false, run: |params: &str, _: &Context| fail($name, params) }
        })*
    };
}

hooks! { "_messageReceived" "_conversationStart" "_conversationAdd" "_conversationRemove" }
