//! `_messageReceived` that answers with 100 MB.

use hook_sdk::prelude::*;

const BYTES: usize = 100 * 1000 * 1000;

#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    Ok(MessageReceivedReply::content("a".repeat(BYTES)))
}

/// Less, where a hundred megabytes would only take time.
#[function]
fn large() -> Result<String> {
    Ok("a".repeat(BYTES / 100))
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
