//! Tests of `main.rs` once more, with the messages in PostgreSQL: those that say something about what is stored. And what is
//! special about PostgreSQL.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, and a scene's steps belong to its output"
)]

mod admission;
mod apps;
mod changes;
mod chat;
mod conversation_kinds;
mod failing_hooks;
#[expect(dead_code, unused_imports, reason = "the other programs share it, and use all of it")]
mod harness;
mod isolation;
mod lost_sessions;
mod members;
mod moderation;
mod notifications;
mod odd_json;
mod offline_push;
mod postgres;
mod word_filter;
