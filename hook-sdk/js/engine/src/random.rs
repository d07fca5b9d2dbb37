//! Randomness: the engine's own in an instance, and a fixed stream before the snapshot, which all instances share.

use std::cell::Cell;
use std::thread::LocalKey;

use crate::bindings::wasi::random::random;
use crate::preparation;

/// What the engine gives at once.
const CHUNK_BYTES: usize = 64 * 1024;

thread_local! {
    /// The state of the fixed stream.
    static FIXED: Cell<u64> = const { Cell::new(0x9E37_79B9_7F4A_7C15) };
    /// The state of `Math.random` in an instance; zero before its first use.
    static SEEDED: Cell<u64> = const { Cell::new(0) };
}

/// For keys and identifiers.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let wanted = (length - bytes.len()).min(CHUNK_BYTES);
        if preparation::is_preparing() {
            let number = next(&FIXED).to_le_bytes();
            bytes.extend(number.into_iter().take(wanted));
        } else {
            bytes.extend(random::get_random_bytes(wanted as u64));
        }
    }
    bytes
}

/// `Math.random`.
pub(crate) fn fraction() -> f64 {
    let number = if preparation::is_preparing() {
        next(&FIXED)
    } else {
        if SEEDED.get() == 0 {
            let seed = random::get_random_bytes(8).into_iter().fold(0, |seed, byte| seed << 8 | u64::from(byte));
            SEEDED.set(seed.max(1));
        }
        next(&SEEDED)
    };
    // 53 bits are what a double holds.
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

/// The generator xorshift64*, of which QuickJS's own `Math.random` is made as well. Its state is never zero.
fn next(state: &'static LocalKey<Cell<u64>>) -> u64 {
    let mut number = state.get();
    number ^= number >> 12;
    number ^= number << 25;
    number ^= number >> 27;
    state.set(number);
    number.wrapping_mul(0x2545_F491_4F6C_DD1D)
}
