//! Why a guest did not return.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::Sandbox;
use super::limiter::Refused;
use super::state::CallState;
use crate::contract;
use crate::outcome::{Outcome, Overload, TimeLimit};
use api_types::Limits;

/// Frames of the guest that a message names.
const NAMED_FRAMES: usize = 3;

impl Sandbox {
    /// The outcome of a call that wasmtime ended with `error`.
    pub(super) fn outcome_of(&self, error: &wasmtime::Error, state: &CallState, limits: &Limits) -> Outcome {
        if state.cpu_time_used_up {
            return Outcome::TimedOut { limit: limits.cpu_time(), by: TimeLimit::CpuTime };
        }
        // A guest that is refused memory cannot say so; it traps in one way or another.
        match state.limiter.refused {
            Some(Refused::Limit) => return Outcome::OutOfMemory { limit_bytes: limits.memory_bytes },
            Some(Refused::Budget(budget_bytes)) => return Outcome::Overloaded(Overload::Memory { budget_bytes }),
            Some(Refused::Table(elements)) => {
                let limit = limits.table_elements;
                let message =
                    format!("it needs a table of {elements}, more than its limit `table_elements` of {limit}");
                return Outcome::Trapped { message };
            }
            None => {}
        }
        if let Some(I32Exit(status)) = error.downcast_ref() {
            return Outcome::Trapped { message: format!("it exited with status {status}") };
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        match (error.downcast_ref::<Trap>(), backtrace) {
            (Some(trap), _) => {
                let text = trap.to_string();
                let reason = text.strip_prefix("wasm trap: ").unwrap_or(&text);
                let limit = match trap {
                    Trap::StackOverflow => format!(" (limit `guest_stack_bytes` of {})", self.guest_stack_bytes),
                    _ => String::new(),
                };
                Outcome::Trapped { message: format!("{reason}{limit}{}", place(backtrace)) }
            }
            (None, Some(_)) => Outcome::Trapped { message: format!("{}{}", error.root_cause(), place(backtrace)) },
            (None, None) if is_of_other_contract(error) => {
                Outcome::Unavailable { message: contract::built_for_another(&error.root_cause().to_string()) }
            }
            // Without a frame of the guest it was the host that could not read what the guest returned.
            (None, None) => Outcome::BadReply { message: unreadable(error, limits) },
        }
    }
}

/// True when the module's functions have other types than the engine calls. wasmtime checks that at each instantiation, and
/// keeps the type of this error to itself.
fn is_of_other_contract(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| cause.to_string().contains("type mismatch with "))
}

fn unreadable(error: &wasmtime::Error, limits: &Limits) -> String {
    let reason = error.root_cause().to_string();
    // wasmtime keeps the type of this error to itself.
    if reason.contains("fuel allocated for hostcalls") {
        return too_long(limits);
    }
    reason
}

/// Of a reply.
pub(super) fn too_long(limits: &Limits) -> String {
    format!("it is longer than the limit `reply_bytes` of {}", limits.reply_bytes)
}

/// ` in f < g < h`, innermost first; function names survive in modules that were not stripped.
fn place(backtrace: Option<&WasmBacktrace>) -> String {
    let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
    let names: Vec<&str> = frames.iter().filter_map(|frame| frame.func_name()).take(NAMED_FRAMES).collect();
    if names.is_empty() { String::new() } else { format!(" in {}", names.join(" < ")) }
}
