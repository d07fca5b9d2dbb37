//! End to end: the binary, real client SDKs, and modules deployed through the command line.
//!
//! `make test` builds what they need: the binary, `target/hookd-modules/*.wasm`, and the packages of `tests/clients`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, and a scene's steps belong to its output"
)]

mod admission;
mod all_attacks;
mod any_component;
mod apps;
mod backup;
mod bad_luck;
mod changes;
mod chat;
mod client_address;
mod client_rates;
mod command_line;
#[macro_use]
#[path = "../conformance/mod.rs"]
mod conformance;
mod configuration;
#[path = "../conformance/peers.rs"]
mod conformance_of_peers;
mod control_errors;
mod conversation_kinds;
mod crash;
mod database_locks;
mod dev;
mod doctor;
mod engine_urls;
mod env;
mod failing_hooks;
mod fairness;
#[expect(dead_code, reason = "`two_processes.rs` shares it, and uses all of it")]
mod harness;
mod hooks;
mod hostile_modules;
mod isolation;
mod javascript_examples;
mod javascript_projects;
mod leancache;
mod leanengine;
mod limits;
mod links;
mod log_readers;
mod logs;
mod lost_output;
mod lost_sessions;
mod members;
mod metrics;
mod moderation;
mod neighbours;
mod nested_calls;
mod notifications;
mod odd_json;
mod offline_push;
mod older_modules;
mod private_files;
mod proxies;
mod python;
mod python_examples;
mod releases;
mod remote_engine;
mod replaced_program;
mod reply_distance;
mod retention;
mod secrets;
mod settings_races;
mod shell;
mod signatures;
mod strangers;
mod switch;
mod tls;
mod top;
mod traces;
mod trying_out;
mod waiting_calls_in_redis;
mod word_filter;
mod wrong_clock;
