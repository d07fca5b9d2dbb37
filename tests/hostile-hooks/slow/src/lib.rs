//! `_messageReceived` that takes its time, and answers in the end.

use std::hint::black_box;

use hook_sdk::prelude::*;

/// About 30 ms on a machine of our days.
const STEPS: u64 = 30_000_000;

#[hook]
fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    let mut sum = message.timestamp as u64;
    for step in 0..STEPS {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(step));
    }
    Ok(MessageReceivedReply::content(format!("{} ({sum})", message.content)))
}
