//! The tests of `main.rs` once more, with `hookd engine` and `hookd im` in place of `hookd up`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, and a scene's steps belong to its output"
)]

mod apps;
mod chat;
mod command_line;
#[path = "../conformance/mod.rs"]
mod conformance;
mod crash;
mod engine_process;
mod env;
mod failing_hooks;
mod fairness;
mod harness;
mod hooks;
mod hostile_modules;
mod isolation;
mod leancache;
mod leanengine;
mod logs;
mod neighbours;
mod notifications;
mod releases;
mod remote_engine;
mod switch;
mod traces;

#[test]
fn no_test_is_left_out() {
    let modules = |program: &'static str| -> Vec<&str> {
        let one_program_only = ["mod conformance_of_peers;", "mod engine_process;"];
        program.lines().filter(|line| line.starts_with("mod ") && !one_program_only.contains(line)).collect()
    };
    assert_eq!(modules(include_str!("two_processes.rs")), modules(include_str!("main.rs")));
}
