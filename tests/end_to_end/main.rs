//! End to end: the binary, real client SDKs, and modules deployed through the command line.
//!
//! `make test` builds what they need: the binary, `target/hookd-modules/*.wasm`, and the packages of `tests/clients`.

mod chat;
mod command_line;
mod failing_hooks;
mod harness;
mod hooks;
mod hostile_modules;
