//! Lets libFuzzer think of inputs for the target that `FUZZ_TARGET` names. `scripts/fuzz.sh` builds and runs it.
#![no_main]

use std::ffi::{c_char, c_int};
use std::sync::LazyLock;
use std::{panic, process, slice};

use hookd_fuzz_targets::{ALL, Target};

static TARGET: LazyLock<Target> = LazyLock::new(chosen);

#[expect(clippy::panic, reason = "the person that starts the fuzzer sees a wrong name")]
fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match ALL.into_iter().find(|(known, _)| *known == name) {
        Some((_, target)) => target,
        None => panic!("`FUZZ_TARGET` is `{name}`; name one of {:?}", ALL.map(|(name, _)| name)),
    }
}

/// A panic in any thread is a finding: libFuzzer keeps the input of a process that aborts.
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerInitialize(_: *const c_int, _: *const *const *const c_char) -> c_int {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        process::abort();
    }));
    0
}

/// # Safety
/// `size` bytes are at `data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> c_int {
    let bytes = match size {
        0 => &[],
        // SAFETY: as the caller promises.
        _ => unsafe { slice::from_raw_parts(data, size) },
    };
    TARGET(bytes);
    0
}
