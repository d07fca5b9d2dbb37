//! A module whose `definitions` never returns, nor does anything else in it.

use hook_sdk::prelude::*;

#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    Ok(MessageReceivedReply::pass())
}

/// Constructors run before the first call of the engine, which is `definitions`.
#[cfg(target_family = "wasm")]
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn never_return() {
        loop {
            std::hint::spin_loop();
        }
    }
    never_return
};
