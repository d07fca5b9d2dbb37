//! A module whose table of functions is large from the start.

use std::hint::black_box;

use hook_sdk::prelude::*;

type Block = [fn(usize) -> usize; 16];

/// Every function whose address is taken has its place in the table.
macro_rules! hoard {
    ($($block:literal)*) => { [$(block::<$block>()),*] };
}

const fn block<const BLOCK: usize>() -> Block {
    [
        one::<BLOCK, 0>,
        one::<BLOCK, 1>,
        one::<BLOCK, 2>,
        one::<BLOCK, 3>,
        one::<BLOCK, 4>,
        one::<BLOCK, 5>,
        one::<BLOCK, 6>,
        one::<BLOCK, 7>,
        one::<BLOCK, 8>,
        one::<BLOCK, 9>,
        one::<BLOCK, 10>,
        one::<BLOCK, 11>,
        one::<BLOCK, 12>,
        one::<BLOCK, 13>,
        one::<BLOCK, 14>,
        one::<BLOCK, 15>,
    ]
}

/// Different in each, so that the linker keeps all of them.
fn one<const BLOCK: usize, const NUMBER: usize>(value: usize) -> usize {
    black_box(value).wrapping_mul(BLOCK * 16 + NUMBER)
}

static HOARD: [Block; 64] = hoard!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41
    42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

#[hook]
fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    let length = black_box(message.content.len());
    let one = HOARD.iter().flatten().nth(length % 1_024).map_or(0, |one| one(length));
    Ok(MessageReceivedReply::content(one.to_string()))
}

/// Behaves: the module's next call works.
#[function]
fn hello() -> Result<&'static str> {
    Ok("hello")
}
