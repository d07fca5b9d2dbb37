//! Functions that try to carry something from one call to the next.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use hook_sdk::prelude::*;

static CALLS: AtomicU32 = AtomicU32::new(0);

/// How many calls this instance has had. Leaves a line without an end, and much freed memory.
#[function]
fn count(params: BTreeMap<String, String>) -> Result<u32> {
    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let rubbish: Vec<String> = (0..1_000).map(|number| format!("{number} {params:?} {}", "x".repeat(100))).collect();
    black_box(rubbish);
    print!("call {call} of {}", params.get("name").map_or("nobody", String::as_str));
    Ok(call)
}

/// Fails, and says so itself.
#[function]
fn fail(_params: BTreeMap<String, String>) -> Result<u32> {
    Err(Failure::new(7, "refused"))
}
