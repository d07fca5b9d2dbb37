//! Moves far too many bytes through LeanCache.

use hook_sdk::leancache::{self, Command};
use hook_sdk::prelude::*;

const BIG: usize = 1 << 20;

/// Asks for one large value again and again.
#[hook]
fn message_received(_: MessageReceivedParams) -> Result<MessageReceivedReply> {
    leancache::set("big", vec![b'x'; BIG])?;
    let values: Vec<Option<Vec<u8>>> = leancache::mget(["big"; 4_000])?;
    Ok(MessageReceivedReply::content(format!("{} values", values.len())))
}

/// Sends ever more.
#[function]
fn send() -> Result<()> {
    for index in 0.. {
        leancache::set(index, vec![b'x'; BIG])?;
    }
    Ok(())
}

/// More words than any command has.
#[function]
fn words() -> Result<()> {
    Ok(Command::new("DEL").args(std::iter::repeat_n("", 100_000)).run()?)
}

/// Shows that the call after works.
#[function]
fn decent() -> Result<bool> {
    leancache::set("decent", 1)?;
    Ok(leancache::exists("decent")?)
}
