//! What clients, hooks and other sessions see of each use case, over the real store and a scripted engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod breaker;
mod conversations;
mod failure_policy;
mod history;
mod interrupted_queue;
mod killed;
mod lost_answers;
mod metrics;
mod notifications;
mod panicking_queue;
mod panics;
mod queries;
#[expect(dead_code, reason = "`hook_queue` uses all of it")]
#[path = "../hook_queue/redis_server.rs"]
mod redis_server;
mod rewrites;
mod scripted_engine;
mod sending;
mod unreliable_store;
mod while_asked;
mod world;
