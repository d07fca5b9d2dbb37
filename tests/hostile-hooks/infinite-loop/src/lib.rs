//! `_messageReceived` that never ends.

use hook_sdk::prelude::*;

#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    loop {
        std::hint::spin_loop();
    }
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
