//! The tests of `main.rs` once more, with `hookd engine` and `hookd im` in place of `hookd up`: those that say something
//! about the server. What only the command line does is tested once.
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
mod backup;
mod bad_luck;
mod changes;
mod chat;
mod client_address;
mod client_rates;
#[path = "../conformance/mod.rs"]
mod conformance;
mod control_errors;
mod conversation_kinds;
mod crash;
mod database_locks;
mod doctor;
mod engine_process;
mod engine_urls;
mod env;
mod failing_hooks;
mod fairness;
mod harness;
mod hooks;
mod hostile_modules;
mod isolation;
mod javascript_examples;
mod leancache;
mod leanengine;
mod limits;
mod log_readers;
mod logs;
mod lost_sessions;
mod members;
mod metrics;
mod missing_apps;
mod moderation;
mod neighbours;
mod nested_calls;
mod notifications;
mod odd_json;
mod offline_push;
mod older_modules;
mod private_files;
mod releases;
mod remote_engine;
mod retention;
mod settings_races;
mod signatures;
mod soak;
mod stopped_engine;
mod strangers;
mod switch;
mod tls;
mod top;
mod traces;
mod waiting_calls_in_redis;
mod word_filter;
mod wrong_clock;

#[test]
fn no_test_is_left_out() {
    let modules = |program: &'static str| -> Vec<&str> {
        let one_program_only = [
            "mod all_attacks;",
            "mod any_component;",
            "mod command_line;",
            "mod configuration;",
            "mod conformance_of_peers;",
            "mod dev;",
            "mod engine_process;",
            "mod links;",
            "mod javascript_projects;",
            "mod missing_apps;",
            "mod proxies;",
            "mod python;",
            "mod python_examples;",
            "mod replaced_program;",
            "mod reply_distance;",
            "mod secrets;",
            "mod lost_output;",
            "mod shell;",
            "mod soak;",
            "mod stopped_engine;",
            "mod trying_out;",
        ];
        let lines = program.lines();
        let mut modules: Vec<_> =
            lines.filter(|line| line.starts_with("mod ") && !one_program_only.contains(line)).collect();
        // Attributes move a module in one program's list and not in the other's.
        modules.sort_unstable();
        modules
    };
    assert_eq!(modules(include_str!("two_processes.rs")), modules(include_str!("main.rs")));
}
