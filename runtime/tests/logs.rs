//! Logs that outlive the engine.

#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hookd_runtime::{
    Attribution, Deployment, Engine, Environment, Isolation, LogLevel, LogLine, LogQuery, LogRetention, LogsError,
    NewApp, Unreadable,
};
use support::{Guest, TestEngine, config, invocation};
use tempfile::TempDir;

/// `hello` logs two lines, the second at the level `error`.
fn talkative() -> Vec<u8> {
    let mut guest = Guest::new()
        .import(r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#, "");
    let (source, length) = guest.constant("audit");
    let line = |level: u32| {
        format!(
            "(call $log (i32.const {level}) {text} {text})",
            text = format_args!("(i32.const {source}) (i32.const {length})")
        )
    };
    guest.function("hello", &format!("{} {} (return (call $params (local.get $args)))", line(2), line(4))).build()
}

async fn say_hello(engine: &Engine) {
    engine.call(invocation("hello", "{}", Duration::from_secs(10))).await;
}

async fn kept(engine: &Engine, query: LogQuery) -> Vec<LogLine> {
    engine.logs("demo", &LogQuery { limit: query.limit.max(1_000), ..query }).await.unwrap().unwrap().lines
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let logs = folder.join("engine/logs/demo");
    let mut files: Vec<_> = std::fs::read_dir(logs).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn lines_are_kept_over_a_restart_and_read_once_each() {
    let test = TestEngine::start().await;
    test.deploy(talkative()).await.unwrap();
    say_hello(&test.engine).await;
    let before = kept(&test.engine, LogQuery::default()).await;
    assert_eq!(before.len(), 2);
    assert_eq!(before[0].environment, Some(Environment::Production));
    let TestEngine { engine, folder, .. } = test;
    drop(engine);

    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(engine.recent_logs("demo"), [], "nothing is in memory");
    assert_eq!(kept(&engine, LogQuery::default()).await, before);
    say_hello(&engine).await;
    let after = kept(&engine, LogQuery::default()).await;
    assert_eq!(after[..2], before);
    assert_eq!(after.len(), 4);
    assert!(after.is_sorted_by(|one, next| one.id < next.id));
}

#[tokio::test]
async fn a_reader_goes_on_where_the_history_ends() {
    let test = TestEngine::start().await;
    test.deploy(talkative()).await.unwrap();
    say_hello(&test.engine).await;
    let mut history = test.engine.logs("demo", &LogQuery { limit: 1, ..LogQuery::default() }).await.unwrap().unwrap();
    assert_eq!(history.lines.len(), 1);
    assert!(history.reader.read().lines.is_empty());
    say_hello(&test.engine).await;
    assert_eq!(history.reader.read().lines.len(), 2);
    assert!(test.engine.logs("nobody", &LogQuery::default()).await.is_none());
}

/// F-12: each answer holds its lines in memory.
#[tokio::test]
async fn four_answers_of_an_app_are_read_at_a_time_and_a_fifth_is_refused() {
    let test = TestEngine::start().await;
    test.deploy(talkative()).await.unwrap();
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    say_hello(&test.engine).await;
    let read = async |app: &str| test.engine.logs(app, &LogQuery { limit: 10, ..LogQuery::default() }).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(read("demo").await.unwrap());
    }
    let refused = read("demo").await.unwrap_err();
    assert!(matches!(refused, LogsError::TooMany { limit: 4 }), "{refused}");
    assert!(refused.to_string().starts_with("4 answers with lines of this app's log"), "{refused}");
    assert!(read("other").await.is_ok(), "another app has places of its own");

    // A follower keeps its reader, and gives the place back when the kept lines were sent.
    held[0].place = None;
    held[0] = read("demo").await.unwrap();
    assert_eq!(held[0].lines.len(), 2);
    assert!(read("demo").await.is_err());
    held.pop();
    assert!(read("demo").await.is_ok());
}

#[tokio::test]
async fn lines_are_found_by_level_time_function_and_call() {
    let test = TestEngine::start().await;
    test.deploy(talkative()).await.unwrap();
    say_hello(&test.engine).await;
    let between = SystemTime::now();
    say_hello(&test.engine).await;
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let engine = Engine::open(config(&folder)).await.unwrap();
    let all = kept(&engine, LogQuery::default()).await;
    let found = async |query: LogQuery| kept(&engine, query).await.len();
    assert_eq!(found(LogQuery { level: Some(LogLevel::Warn), ..LogQuery::default() }).await, 2);
    assert_eq!(found(LogQuery { since: Some(between), ..LogQuery::default() }).await, 2);
    assert_eq!(found(LogQuery { until: Some(all[1].time), ..LogQuery::default() }).await, 1);
    assert_eq!(found(LogQuery { since: Some(all[3].time + Duration::from_secs(1)), ..LogQuery::default() }).await, 0);
    assert_eq!(found(LogQuery { function: Some("other".to_owned()), ..LogQuery::default() }).await, 0);
    let of_call = LogQuery { request_id: Some(all[2].request_id.clone()), ..LogQuery::default() };
    assert_eq!(kept(&engine, of_call).await, all[2..]);
    assert_eq!(found(LogQuery { environment: Some(Environment::Staging), ..LogQuery::default() }).await, 0);
    let newest = engine.logs("demo", &LogQuery { limit: 1, ..LogQuery::default() }).await.unwrap().unwrap().lines;
    assert_eq!(newest, all[3..]);
}

/// What reading the whole log finds: texts apart, only how much there is.
async fn counts(engine: &Engine) -> (usize, Unreadable) {
    let query = LogQuery { limit: 100_000, ..LogQuery::default() };
    let history = engine.logs("demo", &query).await.unwrap().unwrap();
    (history.lines.len(), history.unreadable)
}

fn damaged_lines(engine: &Engine) -> u64 {
    engine.app_stats("demo").unwrap().log_lines_damaged
}

/// Two lines in a file, and the engine that wrote them gone.
async fn two_lines_on_disk() -> (TempDir, PathBuf) {
    let test = TestEngine::start().await;
    test.deploy(talkative()).await.unwrap();
    say_hello(&test.engine).await;
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let file = files(folder.path()).pop().unwrap();
    (folder, file)
}

#[tokio::test]
async fn damaged_files_cost_only_what_is_damaged_and_that_is_counted_once() {
    let (folder, file) = two_lines_on_disk().await;
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_slice(b"\xff\0{\"id\":1}\n{\"id\":99999,\"at_us\"");
    std::fs::write(&file, bytes).unwrap();
    std::fs::write(file.with_file_name("99.jsonl"), [0; 4_096]).unwrap();
    std::fs::write(file.with_file_name("98.jsonl"), "").unwrap();
    std::fs::create_dir(file.with_file_name("100.jsonl")).unwrap();

    let engine = Engine::open(config(&folder)).await.unwrap();
    let lost = |lines| Unreadable { lines, files: 0 };
    assert_eq!(counts(&engine).await, (2, lost(2)), "half a line at the end may be one that is being written");
    assert_eq!(counts(&engine).await, (2, lost(2)));
    assert_eq!(damaged_lines(&engine), 2);
    say_hello(&engine).await;
    drop(engine);
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(counts(&engine).await, (4, lost(3)));
    assert_eq!(damaged_lines(&engine), 3);
}

#[tokio::test]
async fn lines_and_files_that_tell_an_impossible_id_hold_up_no_start_and_no_line() {
    let (folder, file) = two_lines_on_disk().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let id = text.split([':', ',']).nth(1).unwrap();
    let far = text.lines().next().unwrap().replacen(id, &u64::MAX.to_string(), 1);
    std::fs::write(&file, format!("{text}{far}\n")).unwrap();
    std::fs::write(file.with_file_name(format!("{}.jsonl", u64::MAX)), "{}\n").unwrap();
    for lines in [4, 6] {
        let engine = Engine::open(config(&folder)).await.unwrap();
        say_hello(&engine).await;
        assert_eq!(counts(&engine).await, (lines, Unreadable { lines: 1, files: 0 }));
    }
    assert_eq!(files(folder.path()).len(), 2, "new lines go where the last ones are");
}

#[tokio::test]
async fn a_file_without_lines_of_any_size_is_skipped_and_deleted_when_disk_is_short() {
    let (folder, file) = two_lines_on_disk().await;
    let mut huge = std::fs::File::create(file.with_file_name("99.jsonl")).unwrap();
    huge.set_len(64 << 20).unwrap();
    std::io::Write::write_all(&mut huge, &[b'x'; 3 << 20]).unwrap();
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(counts(&engine).await, (2, Unreadable { lines: 1, files: 0 }));
    say_hello(&engine).await;
    drop(engine);
    assert_eq!(files(folder.path()), [file], "the bound holds for what is damaged, too");
}

#[tokio::test]
async fn a_newest_file_that_is_all_garbage_and_too_large_makes_room_for_new_lines() {
    let (folder, file) = two_lines_on_disk().await;
    std::fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
    let engine = Engine::open(config(&folder)).await.unwrap();
    say_hello(&engine).await;
    drop(engine);
    let kept = files(folder.path());
    assert_eq!(kept.len(), 1);
    assert_ne!(kept[0], file);
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(counts(&engine).await, (2, Unreadable::default()));
}

/// Files must be closed to this thread, and those that it starts, also where root runs the tests.
fn respect_file_permissions() {
    for capability in [caps::Capability::CAP_DAC_OVERRIDE, caps::Capability::CAP_DAC_READ_SEARCH] {
        caps::drop(None, caps::CapSet::Effective, capability).unwrap();
    }
}

#[tokio::test]
async fn an_unreadable_file_is_reported_and_lines_go_to_another_file() {
    use std::os::unix::fs::PermissionsExt;
    // Before the first thread of the runtime is there.
    respect_file_permissions();
    let (folder, file) = two_lines_on_disk().await;
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    let lost = Unreadable { lines: 0, files: 1 };
    for lines in [2, 4] {
        let engine = Engine::open(config(&folder)).await.unwrap();
        say_hello(&engine).await;
        assert_eq!(counts(&engine).await, (lines, lost));
        assert_eq!(engine.app_stats("demo").unwrap().log_lines_lost, 0);
    }
    assert_eq!(files(folder.path()).len(), 2);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let engine = Engine::open(config(&folder)).await.unwrap();
    assert_eq!(counts(&engine).await, (6, Unreadable::default()), "mended");
}

#[tokio::test]
async fn a_folder_that_is_none_leaves_the_lines_of_this_process() {
    let (folder, file) = two_lines_on_disk().await;
    let logs = file.parent().unwrap();
    std::fs::remove_dir_all(logs).unwrap();
    std::fs::write(logs, "a file").unwrap();
    let engine = Engine::open(config(&folder)).await.unwrap();
    say_hello(&engine).await;
    assert_eq!(counts(&engine).await, (2, Unreadable { lines: 0, files: 1 }));
    std::fs::remove_file(logs).unwrap();
    say_hello(&engine).await;
    assert_eq!(counts(&engine).await, (4, Unreadable::default()));
}

#[tokio::test]
async fn more_than_memory_holds_is_read_from_disk_and_disk_is_bounded() {
    let bytes_per_app = 400_000;
    let test = TestEngine::with(|config| config.logs = LogRetention { bytes_per_app, ..config.logs }).await;
    test.deploy(talkative()).await.unwrap();
    for _ in 0..500 {
        say_hello(&test.engine).await;
    }
    assert_eq!(kept(&test.engine, LogQuery { limit: 10_000, ..LogQuery::default() }).await.len(), 1_000);
    for _ in 0..2_500 {
        say_hello(&test.engine).await;
    }
    let query = LogQuery { limit: 10_000, ..LogQuery::default() };
    let lines = kept(&test.engine, query).await;
    assert!(lines.len() < 6_000, "{}", lines.len());
    assert!(lines.is_sorted_by(|one, next| one.id < next.id));
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    let size: u64 = files(folder.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!((300_000..500_000).contains(&size), "{size}");
}

#[tokio::test]
async fn the_lines_of_a_deleted_app_are_deleted() {
    let test = TestEngine::start().await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let module = talkative().into();
    let deployment = Deployment {
        app_id: "other".to_owned(),
        environment: Environment::Production,
        isolation: Isolation::PerCall,
        module,
        by: Attribution::default(),
    };
    test.engine.deploy(deployment, &|_| {}).await.unwrap();
    test.deploy(talkative()).await.unwrap();
    say_hello(&test.engine).await;
    let mut call = invocation("hello", "{}", Duration::from_secs(10));
    call.app_id = "other".to_owned();
    test.engine.call(call).await;
    assert_eq!(kept(&test.engine, LogQuery::default()).await.len(), 2, "each app reads its own");
    test.engine.delete_app("demo").await.unwrap();
    let TestEngine { engine, folder, .. } = test;
    drop(engine);
    assert!(!folder.path().join("engine/logs/demo").exists());
    assert_eq!(std::fs::read_dir(folder.path().join("engine/logs/other")).unwrap().count(), 1);
}
