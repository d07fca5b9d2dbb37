//! The messaging core of hookd: sessions, conversations, messages, delivery, and the hooks around them.
//!
//! It calls the engine through [`hooks::HookEngine`] and owns the failure policy; it knows nothing of WebAssembly.
//! Rule numbers in the docs (P-, S-, EC-) name the rules of the wire protocol, the semantics and the engine contract.

pub mod actor;
pub mod app;
pub mod app_shares;
pub mod client_rates;
pub mod conversations;
pub mod core;
pub mod delivery;
pub mod error;
pub mod hooks;
pub mod ids;
pub mod keyed_locks;
#[cfg(test)]
mod keyed_locks_tests;
pub mod messages;
pub mod presence;
pub mod profiles;
pub mod push;
pub mod receipts;
pub mod signature;
pub mod store;
mod sync;
pub mod timestamp;
pub mod trace;
pub mod web_origins;
pub mod word_filter;
