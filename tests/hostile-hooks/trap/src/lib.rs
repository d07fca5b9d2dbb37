//! `_messageReceived` that panics.

use hook_sdk::prelude::*;

#[hook]
fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    println!("about to fail");
    panic!("no answer to {}", message.from_peer);
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
