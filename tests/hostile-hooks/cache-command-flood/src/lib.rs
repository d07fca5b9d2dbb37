//! Sends commands to LeanCache without end.

use hook_sdk::leancache;
use hook_sdk::prelude::*;

/// Stops at the error of the limit.
#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    loop {
        leancache::incr("flood")?;
    }
}

/// Does not even listen to that.
#[function]
fn stubborn() -> Result<()> {
    loop {
        let _ = leancache::incr("flood");
    }
}

/// Shows that the call after works.
#[function]
fn decent() -> Result<bool> {
    leancache::set("decent", 1)?;
    Ok(leancache::exists("decent")?)
}
