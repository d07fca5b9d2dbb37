//! `_messageReceived` that calls itself until there is no stack left.

use std::hint::black_box;

use hook_sdk::prelude::*;

#[hook]
fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    Ok(MessageReceivedReply::content(depth(message.content.len() as u64).to_string()))
}

/// Not a tail call: the compiler must not make a loop of it.
fn depth(level: u64) -> u64 {
    if black_box(level) == u64::MAX { level } else { 1 + depth(black_box(level + 1)) }
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
