//! What clients see of the gateway: raw frames over real sockets, the real store, and an engine that a test scripts.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod admission;
mod bad_input;
mod client;
mod client_rates;
mod conversations;
mod engine;
mod handshake;
mod hostile_crowds;
mod hostile_queries;
mod hostile_texts;
mod http;
mod limits;
mod login;
mod messages;
mod presence;
mod receipts;
mod rooms;
mod server;
mod sessions;
mod temporary;
mod timeouts;
mod wills;

/// The wire schema, as the gateway has it.
#[expect(clippy::all, reason = "generated")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/realtime.rs"));
}
