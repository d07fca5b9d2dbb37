//! `_messageReceived` that writes far too much to its log.

use hook_sdk::prelude::*;

const LINES: usize = 2_000;

#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    for line in 0..LINES {
        println!("{line:04} {}", "a".repeat(95));
    }
    Ok(MessageReceivedReply::pass())
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
