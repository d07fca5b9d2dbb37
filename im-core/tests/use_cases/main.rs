//! What clients, hooks and other sessions see of each use case, over the real store and a scripted engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod blacklists;
mod breaker;
mod client_rates;
mod conversations;
mod failure_policy;
mod history;
mod killed;
mod lost_answers;
mod lost_nodes;
mod message_changes;
mod metrics;
mod notifications;
mod offline_push;
mod other_nodes;
mod panics;
mod profiles;
mod queries;
mod receiver;
mod recorded_delivery;
mod restrictions;
mod rewrites;
mod roles;
mod rooms;
mod scripted_engine;
mod scripted_gateway;
mod scripted_nodes;
mod sending;
mod session_rows;
mod temporary;
mod two_cores;
mod unreliable_store;
mod updates;
mod while_asked;
mod wills;
mod world;
