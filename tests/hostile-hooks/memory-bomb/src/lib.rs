//! `_messageReceived` that takes memory until it is refused.

use std::hint::black_box;

use hook_sdk::prelude::*;

const BYTES: usize = 1024 * 1024;

#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; BYTES]));
    }
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
