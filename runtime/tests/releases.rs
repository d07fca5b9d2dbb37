//! What is kept of versions, what is not, and what their variables are.
#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

mod support;

use std::path::Path;

use hookd_runtime::{
    Attribution, DeployError, Engine, Environment, InvalidVariables, Isolation, KEPT_RELEASES, Limits, NewApp, Outcome,
    Refusal, ReleaseAct, ReleaseError, SetVariablesError, Variable, VariableChanges,
};
use support::{Guest, TestEngine, config, deployment, replied};

fn guest(reply: &str) -> Vec<u8> {
    Guest::new().replies("version", &format!("\"{reply}\"")).build()
}

fn says(text: &str) -> Outcome {
    replied(&format!("\"{text}\""))
}

/// Names of the files in a folder of the engine.
fn files(test: &TestEngine, folder: &str) -> Vec<String> {
    files_in(&test.folder.path().join("engine").join(folder))
}

fn files_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn setting(name: &str, value: &str) -> VariableChanges {
    let variable = Variable { value: value.to_owned(), secret: false };
    VariableChanges { set: [(name.to_owned(), variable)].into(), unset: Vec::new() }
}

fn by(author: &str) -> Attribution {
    Attribution::new(author.to_owned(), format!("{author} wants it")).unwrap()
}

async fn reopened(test: TestEngine) -> (Engine, tempfile::TempDir) {
    let TestEngine { engine, app, folder } = test;
    drop((engine, app));
    (Engine::open(config(&folder)).await.unwrap(), folder)
}

#[tokio::test]
async fn a_change_of_variables_makes_a_version_in_every_environment_that_has_one() {
    let test = TestEngine::start().await;
    let none = test.engine.change_variables("demo", setting("MODE", "a"), by("ada")).await.unwrap();
    assert!(none.is_empty(), "nothing is live");
    test.deploy(guest("1")).await.unwrap();
    test.deploy_to(Environment::Staging, guest("2")).await.unwrap();
    let value = |engine: &Engine, environment| {
        let variables = engine.live_variables("demo", environment).unwrap();
        variables.get("MODE").map(|variable| variable.value.clone())
    };
    assert_eq!(value(&test.engine, Environment::Production).as_deref(), Some("a"), "a deployment takes what is set");

    let released = test.engine.change_variables("demo", setting("MODE", "b"), by("ada")).await.unwrap();
    let facts: Vec<_> = released.iter().map(|one| (one.environment, one.version)).collect();
    assert_eq!(facts, [(Environment::Production, 3), (Environment::Staging, 4)]);
    assert_eq!(test.call("version", "{}").await, says("1"), "the module stays");
    let again = test.engine.change_variables("demo", setting("MODE", "b"), by("ada")).await.unwrap();
    assert!(again.is_empty(), "nothing changed");
    test.engine.publish("demo", by("bob")).await.unwrap();
    let both = test.engine.change_variables("demo", setting("MODE", "c"), by("ada")).await.unwrap();
    assert_eq!(both.iter().map(|one| one.version).collect::<Vec<_>>(), [5, 5], "one version is live in both");

    let (engine, _folder) = reopened(test).await;
    assert_eq!(value(&engine, Environment::Production).as_deref(), Some("c"));
    let past = engine.releases("demo", 10).await.unwrap();
    assert_eq!((past[0].act, past[0].author.as_str()), (ReleaseAct::Env, "ada"));
    assert_eq!((past[2].act, past[2].message.as_str()), (ReleaseAct::Publish, "bob wants it"));
}

#[tokio::test]
async fn a_rollback_brings_the_variables_of_its_version_back() {
    let test = TestEngine::start().await;
    test.deploy(guest("1")).await.unwrap();
    test.engine.change_variables("demo", setting("MODE", "bad"), by("ada")).await.unwrap();
    assert_eq!(test.engine.rollback("demo", None, by("ada")).await.unwrap().version, 1);
    assert_eq!(test.engine.live_variables("demo", Environment::Production).unwrap().iter().count(), 0);
    let kept = test.engine.variables("demo").unwrap();
    assert_eq!(kept.get("MODE").unwrap().value, "bad", "the next version gets what is set");
    // Set to what it is already: that is not what is live.
    let released = test.engine.change_variables("demo", setting("MODE", "bad"), by("ada")).await.unwrap();
    assert_eq!(released[0].version, 3);
    let version = test.engine.version("demo", 2).await.unwrap();
    assert_eq!((version.variables.iter().count(), version.releases.len()), (1, 1));
    assert!(!version.releases[0].is_live);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let test = TestEngine::start().await;
    test.deploy(guest("1")).await.unwrap();
    let mut changes = setting("GOOD", "1");
    changes.unset.push("ABSENT".to_owned());
    let refused = test.engine.change_variables("demo", changes, by("ada")).await.unwrap_err();
    assert!(matches!(refused, SetVariablesError::Invalid(InvalidVariables::Absent(_))), "{refused}");
    assert_eq!(test.engine.variables("demo").unwrap().iter().count(), 0);
    assert_eq!(test.engine.live_version("demo", Environment::Production), Some(1));
    let refused = test.engine.change_variables("nobody", setting("A", "1"), by("ada")).await.unwrap_err();
    assert!(matches!(refused, SetVariablesError::UnknownApp(_)));
}

#[tokio::test]
async fn a_module_goes_when_no_version_names_it() {
    let test = TestEngine::start().await;
    test.deploy(guest("oldest")).await.unwrap();
    let oldest = files(&test, "modules");
    assert_eq!((oldest.len(), files(&test, "artifacts").len()), (1, 1));
    for _ in 0..KEPT_RELEASES - 1 {
        test.deploy(guest("newer")).await.unwrap();
    }
    assert_eq!(files(&test, "modules").len(), 2, "a rollback to the oldest release that is kept is possible");
    assert_eq!(test.engine.rollback("demo", Some(1), by("ada")).await.unwrap().version, 1);
    assert_eq!(test.call("version", "{}").await, says("oldest"));

    for _ in 0..KEPT_RELEASES {
        test.deploy(guest("newer")).await.unwrap();
    }
    let gone = test.engine.rollback("demo", Some(1), by("ada")).await.unwrap_err();
    assert!(matches!(gone, ReleaseError::UnknownVersion { version: 1, known: Some(_) }), "{gone}");
    assert_eq!((files(&test, "modules").len(), files(&test, "artifacts").len()), (1, 1));
    assert_ne!(files(&test, "modules"), oldest);
    assert_eq!(test.call("version", "{}").await, says("newer"));
    assert_eq!(test.engine.releases("demo", 1_000).await.unwrap().len(), KEPT_RELEASES as usize);
}

#[tokio::test]
async fn the_earlier_versions_of_production_outlive_any_number_of_stagings() {
    let test = TestEngine::start().await;
    test.deploy(guest("first")).await.unwrap();
    test.deploy(guest("second")).await.unwrap();
    for _ in 0..KEPT_RELEASES + 5 {
        test.deploy_to(Environment::Staging, guest("staged")).await.unwrap();
    }
    assert_eq!(test.engine.rollback("demo", None, by("ada")).await.unwrap().version, 1);
    assert_eq!(test.call("version", "{}").await, says("first"));
}

#[tokio::test]
async fn a_number_is_never_given_twice() {
    let test = TestEngine::start().await;
    test.deploy(guest("1")).await.unwrap();
    let newest = test.deploy(guest("2")).await.unwrap().version;
    for _ in 0..=KEPT_RELEASES {
        test.engine.rollback("demo", Some(1), by("ada")).await.unwrap();
    }
    assert_eq!(test.deploy(guest("3")).await.unwrap().version, newest + 1);
}

#[tokio::test]
async fn the_modules_of_a_deleted_app_go_unless_another_app_has_them() {
    let test = TestEngine::start().await;
    test.engine.create_app(NewApp::named("other")).await.unwrap();
    let deploy = async |app_id: &str, module: Vec<u8>| {
        let deployment = deployment(app_id, Environment::Production, Isolation::PerCall, module);
        test.engine.deploy(deployment, &|_| {}).await.unwrap();
    };
    deploy("other", guest("shared")).await;
    deploy("other", guest("only here")).await;
    deploy("demo", guest("shared")).await;
    assert_eq!(files(&test, "modules").len(), 2);
    test.engine.delete_app("other").await.unwrap();
    assert_eq!((files(&test, "modules").len(), files(&test, "artifacts").len()), (1, 1));
    assert_eq!(test.call("version", "{}").await, says("shared"));
}

#[tokio::test]
async fn the_rest_of_a_crash_is_removed_at_the_next_start() {
    let test = TestEngine::start().await;
    test.deploy(guest("1")).await.unwrap();
    let [modules, artifacts] = ["modules", "artifacts"].map(|name| test.folder.path().join("engine").join(name));
    let before = (files_in(&modules), files_in(&artifacts));
    for name in ["cafe.wasm", "cafe.wasm#1"] {
        std::fs::write(modules.join(name), b"half").unwrap();
    }
    for name in ["cafe-0123456789abcdef.cwasm", "unfinished-abc"] {
        std::fs::write(artifacts.join(name), b"half").unwrap();
    }
    let (engine, _folder) = reopened(test).await;
    assert_eq!((files_in(&modules), files_in(&artifacts)), before);
    assert_eq!(engine.live_version("demo", Environment::Production), Some(1));
}

/// F-12.
#[tokio::test]
async fn the_oldest_versions_make_room_for_what_an_app_keeps_on_disk() {
    let test = TestEngine::start().await;
    test.deploy_to(Environment::Staging, guest("staged")).await.unwrap();
    let of_one: u64 = ["modules", "artifacts"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(test.folder.path().join("engine").join(folder)).unwrap())
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    let allow = async |disk_bytes: u64| {
        test.engine.set_limits("demo", Limits { disk_bytes, ..Limits::default() }).await.unwrap();
    };
    allow(of_one * 7 / 2).await;
    for name in ["a", "b", "c", "d"] {
        test.deploy(guest(name)).await.unwrap();
    }
    // What is live in staging, and the two newest.
    assert_eq!((files(&test, "modules").len(), files(&test, "artifacts").len()), (3, 3));
    assert_eq!(test.engine.live_version("demo", Environment::Staging), Some(1));
    let gone = test.engine.rollback("demo", Some(3), by("ada")).await.unwrap_err();
    assert!(matches!(gone, ReleaseError::UnknownVersion { version: 3, .. }), "{gone}");
    assert_eq!(test.engine.rollback("demo", Some(4), by("ada")).await.unwrap().version, 4);
    assert_eq!(test.call("version", "{}").await, says("c"));

    allow(of_one * 3 / 2).await;
    let before = (files(&test, "modules"), files(&test, "artifacts"));
    let refused = test.deploy(guest("e")).await.unwrap_err();
    assert!(matches!(refused, DeployError::Refused(Refusal::NoRoomOnDisk { .. })), "{refused}");
    assert!(refused.to_string().contains("`disk_bytes`"), "{refused}");
    assert_eq!((files(&test, "modules"), files(&test, "artifacts")), before);
    assert_eq!(test.call("version", "{}").await, says("c"));
}
