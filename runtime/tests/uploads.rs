//! Uploads that are refused: by name of the fault, with nothing stored.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture ends the test")]

mod support;

use std::sync::Mutex;
use std::time::Duration;

use hookd_runtime::{DeployError, DeployStage, Environment, Limits, Outcome, Refusal, TimeLimit};
use support::{Guest, TestEngine};

/// The refusal of an upload; checks that it left no trace.
async fn refusal(test: &TestEngine, module: Vec<u8>) -> Refusal {
    let refused = match test.deploy(module).await {
        Err(DeployError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    };
    for folder in ["modules", "artifacts"] {
        let stored = std::fs::read_dir(test.folder.path().join("engine").join(folder)).unwrap().count();
        assert_eq!(stored, 0, "files in {folder}");
    }
    assert_eq!(test.engine.live_version("demo", Environment::Production), None);
    refused
}

#[tokio::test]
async fn uploads_that_are_no_hook_component_are_refused() {
    let test = TestEngine::start().await;
    assert_eq!(refusal(&test, b"hello".to_vec()).await, Refusal::NotWasm);
    assert_eq!(refusal(&test, b"\0asm\x01\0\0\0".to_vec()).await, Refusal::CoreModule);
    let whole = Guest::new().echo("hello").build();
    let half = whole[..whole.len() / 2].to_vec();
    assert!(matches!(refusal(&test, half).await, Refusal::Malformed(_)));
    let empty_component = b"\0asm\x0d\0\x01\0".to_vec();
    assert!(matches!(refusal(&test, empty_component).await, Refusal::MissingExport { .. }));
}

#[tokio::test]
async fn an_import_that_is_not_offered_is_named() {
    let test = TestEngine::start().await;
    let reads_files = Guest::new()
        .import(
            r#"(import "wasi:filesystem/preopens@0.2.0" "open" (func $open))"#,
            "package wasi:filesystem@0.2.0 { interface preopens { open: func(); } }
             world: import wasi:filesystem/preopens@0.2.0;",
        )
        .echo("hello");
    let refused = refusal(&test, reads_files.build()).await.to_string();
    assert!(refused.contains("`wasi:filesystem/preopens@0.2.0`"), "{refused}");
    assert!(refused.contains("modules have no filesystem"), "{refused}");
}

#[tokio::test]
async fn an_offered_interface_with_other_types_is_refused() {
    let test = TestEngine::start().await;
    let odd = Guest::new()
        .import(
            r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i64)))"#,
            "package wasi:cli@0.2.6 { interface exit { exit: func(status: u64); } } world: import wasi:cli/exit@0.2.6;",
        )
        .echo("hello");
    assert!(matches!(refusal(&test, odd.build()).await, Refusal::Interfaces(_)));
}

#[tokio::test]
async fn a_module_for_an_older_contract_is_to_be_built_again() {
    let test = TestEngine::start().await;
    for (module, reason) in [
        (Guest::new().echo("hello").older_contract(), "version 0.1.0 of the contract, not 0.2.0"),
        (Guest::new().echo("hello").contract_of_another_shape(), "8 fields"),
    ] {
        let refused = refusal(&test, module.build()).await;
        assert!(matches!(refused, Refusal::OtherContract(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains(reason) && text.contains("build it again with the present hook-sdk"), "{text}");
    }
}

#[tokio::test]
async fn invalid_code_inside_a_component_is_refused() {
    let test = TestEngine::start().await;
    let mut module = Guest::new().function("hello", "(drop (i32.const 77777777))").build();
    // The constant's opcode becomes one that does not exist.
    let constant = [0x41, 0xf1, 0x96, 0x8b, 0x25, 0x1a];
    let at = module.windows(6).position(|window| window == constant).unwrap();
    module[at] = 0xff;
    assert!(matches!(refusal(&test, module).await, Refusal::NotCompilable(_)));
}

#[tokio::test]
async fn an_upload_over_the_size_limit_is_refused() {
    let test = TestEngine::with(|config| config.max_module_bytes = 1_000).await;
    let refused = refusal(&test, vec![0; 1_001]).await;
    assert_eq!(refused, Refusal::TooLarge { size_bytes: 1_001, limit_bytes: 1_000 });
}

#[tokio::test]
async fn definitions_that_never_return_are_refused() {
    let test = TestEngine::with(|config| config.definitions_deadline = Duration::from_millis(100)).await;
    let spins = Guest::new().echo("hello").definitions("(loop $l (br $l))");
    let refused = refusal(&test, spins.build()).await;
    let limit = Duration::from_millis(100);
    assert_eq!(refused, Refusal::DefinitionsFailed(Outcome::TimedOut { limit, by: TimeLimit::Caller }));
}

#[tokio::test]
async fn a_module_that_spins_before_its_definitions_is_refused() {
    let test = TestEngine::with(|config| config.definitions_deadline = Duration::from_millis(100)).await;
    let spins = Guest::new().echo("hello").items("(func $spin (loop $l (br $l))) (start $spin)");
    let refused = refusal(&test, spins.build()).await;
    assert!(matches!(refused, Refusal::DefinitionsFailed(Outcome::TimedOut { .. })), "{refused}");
}

#[tokio::test]
async fn definitions_that_trap_or_take_all_memory_are_refused() {
    let test = TestEngine::start().await;
    test.engine.set_limits("demo", Limits { memory_bytes: 1 << 20, ..Limits::default() }).await.unwrap();
    let traps = Guest::new().echo("hello").definitions("(unreachable)");
    let refused = refusal(&test, traps.build()).await;
    assert!(matches!(refused, Refusal::DefinitionsFailed(Outcome::Trapped { .. })), "{refused}");
    let bomb = Guest::new()
        .echo("hello")
        .definitions("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)");
    let refused = refusal(&test, bomb.build()).await;
    assert_eq!(refused, Refusal::DefinitionsFailed(Outcome::OutOfMemory { limit_bytes: 1 << 20 }));
}

#[tokio::test]
async fn names_that_cannot_be_called_or_are_there_twice_are_refused() {
    let test = TestEngine::start().await;
    let twice = Guest::new().echo("hello").echo("hello");
    assert_eq!(refusal(&test, twice.build()).await, Refusal::DuplicateName("hello".to_owned()));
    let slash = Guest::new().echo("a/b");
    assert!(matches!(refusal(&test, slash.build()).await, Refusal::InvalidName { .. }));
}

#[tokio::test]
async fn compiling_ends_at_each_of_its_limits() {
    let slow = TestEngine::with(|config| config.compile_limits.wall_time = Duration::ZERO).await;
    assert!(matches!(refusal(&slow, Guest::new().echo("hello").build()).await, Refusal::CompileLimit(_)));

    // One long function whose values all live to its end: more than the compiler can hold in so little memory.
    let values = "(i64.mul (local.get 0) (i64.load (i32.wrap_i64 (local.get 0))))".repeat(20_000);
    let sums = "(i64.add)".repeat(19_999);
    let bomb = Guest::new().echo("hello").items(&format!("(func (param i64) (result i64) {values} {sums})"));
    let bomb = bomb.build();
    let small = TestEngine::with(|config| config.compile_limits.memory_bytes = 24 << 20).await;
    let refused = refusal(&small, bomb.clone()).await;
    assert!(matches!(refused, Refusal::CompileLimit(_)), "{refused}");
    let tiny = TestEngine::with(|config| config.compile_limits.artifact_bytes = 64 << 10).await;
    let refused = refusal(&tiny, bomb).await;
    assert!(matches!(refused, Refusal::CompileLimit(_)), "{refused}");
}

#[tokio::test]
async fn a_compile_process_that_cannot_start_is_no_fault_of_the_upload() {
    let test = TestEngine::with(|config| config.compile_command = vec!["/nowhere/compiler".into()]).await;
    let failed = test.deploy(Guest::new().echo("hello").build()).await.unwrap_err();
    assert!(matches!(failed, DeployError::Internal { .. }), "{failed:?}");
    let test = TestEngine::with(|config| config.compile_command = vec!["false".into()]).await;
    let failed = test.deploy(Guest::new().echo("hello").build()).await.unwrap_err();
    assert!(matches!(failed, DeployError::Internal { .. }), "{failed:?}");
}

#[tokio::test]
async fn a_refused_upload_leaves_the_live_version_alone() {
    let test = TestEngine::start().await;
    test.deploy(Guest::new().echo("hello").build()).await.unwrap();
    test.deploy(b"rubbish".to_vec()).await.unwrap_err();
    assert_eq!(test.engine.live_version("demo", Environment::Production), Some(1));
    assert_eq!(test.call("hello", "{}").await, support::replied("{}"));
}

#[tokio::test]
async fn progress_names_every_stage_in_order() {
    let test = TestEngine::start().await;
    let stages = Mutex::new(Vec::new());
    let module = Guest::new().echo("hello").build();
    let deployment = support::deployment("demo", Environment::Staging, hookd_runtime::Isolation::PerCall, module);
    test.engine.deploy(deployment, &|stage| stages.lock().unwrap().push(stage)).await.unwrap();
    let expected = [
        DeployStage::Validating,
        DeployStage::Compiling,
        DeployStage::ReadingDefinitions,
        DeployStage::Storing,
        DeployStage::Releasing,
    ];
    assert_eq!(*stages.lock().unwrap(), expected);
}
