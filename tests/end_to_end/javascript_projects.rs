//! Projects in JavaScript and TypeScript, from the command line: new, build, migrate.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{assert_refused, code, hookd_in, stderr, stdout};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_new_project_builds_without_npm_and_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (language, entry) in [("js", "/app/server.js"), ("ts", "/app/server.ts")] {
        for hook in ["_messageReceived", "_clientOffline", "_rtmClientSign"] {
            let project = folder.path().join(format!("{language}{hook}"));
            let shown = project.to_str().unwrap();
            let refused = hookd_in(&data, &["new", shown, "--lang", language, "--hook", "_nothing"]);
            assert_refused(&refused, &["`_nothing`", "_messageReceived"]);
            assert_eq!(code(&hookd_in(&data, &["new", shown, "--lang", language, "--hook", hook])), 0);
            // No npm is on the path.
            let built = crate::harness::hookd(&data).args(["build", shown, "--json"]).env("PATH", "").output().unwrap();
            assert_eq!(code(&built), 0, "{}", stderr(&built));
            assert!(!stderr(&built).contains("warning"), "{}", stderr(&built));
            let said: Value = serde_json::from_str(&stdout(&built)).unwrap();
            let bundle: Value = serde_json::from_slice(&fs::read(said["path"].as_str().unwrap()).unwrap()).unwrap();
            assert_eq!(bundle["entry"], entry);
            assert_eq!(bundle["modules"].as_object().unwrap().len(), 2);
            let sample = fs::read_to_string(project.join("sample.json")).unwrap();
            assert!(serde_json::from_str::<Value>(&sample).unwrap().is_object());
        }
    }
}

#[test]
fn a_project_that_cannot_be_built_is_the_inputs_fault() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "cloud.js", "const { exec } = require('child_process')\n");
    let built = hookd_in(&folder.path().join("data"), &["build", folder.path().to_str().unwrap()]);
    assert_refused(&built, &["cloud.js:1:26: `child_process` cannot be used", "fix: "]);
}

const CLOUD: &str = "const AV = require('leanengine')
const Redis = require('ioredis')
const lodash = require('lodash')
const fs = require('fs')
const redis = new Redis(process.env.REDIS_URL_cache)

AV.Cloud.onIMMessageReceived(async ({ params }) => {
  await redis.lpush('recent', params.convId)
  await redis.xadd('stream', '*', 'a', 1)
  return {}
})

AV.Cloud.define('save', async request => {
  fs.writeFileSync('/tmp/x', request.params.text)
})

AV.Cloud.define('check', request => fetch('https://Moderation.example.com/v1?x').then(answer => answer.json()))

AV.Cloud.afterSave('Todo', () => {})
";

#[test]
fn a_scan_tells_what_works_and_what_has_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let (data, app) = (folder.path().join("data"), folder.path().join("app"));
    write(&app, "cloud.js", CLOUD);
    write(&app, "package.json", r#"{"dependencies": {"lodash": "4", "leanengine": "3", "ioredis": "5"}}"#);
    write(&app, "node_modules/lodash/package.json", r#"{"name": "lodash", "version": "4.17.21"}"#);
    write(&app, "node_modules/lodash/index.js", "");
    let shown = app.to_str().unwrap();
    let scanned = hookd_in(&data, &["migrate", "scan", shown, "--json"]);
    assert_eq!(code(&scanned), 1, "{}", stderr(&scanned));
    let found: Value = serde_json::from_str(&stdout(&scanned)).unwrap();
    let verdicts: Vec<Value> = found["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|function| json!([function["name"], function["verdict"]]))
        .collect();
    let expected = [
        json!(["_messageReceived", "works"]),
        json!(["save", "needs-change"]),
        json!(["check", "works"]),
        json!(["afterSave(Todo)", "never-called"]),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(found["changes"][0]["line"], 14);
    assert_eq!(found["changes"][0]["blocks_build"], false);
    assert_eq!(found["redis"]["clients"], json!(["cloud.js:5"]));
    assert_eq!(found["redis"]["commands"], json!(["LPUSH"]));
    assert_eq!(found["redis"]["unknown"], json!(["cloud.js:9: xadd"]));
    assert_eq!(found["variables"], json!({"REDIS_URL_cache": ["cloud.js:5"]}));
    assert_eq!(found["hosts"], json!({"moderation.example.com": ["cloud.js:17"]}));
    let packages: Vec<Value> = found["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| json!([package["name"], package["version"], package["built_in"]]))
        .collect();
    let expected =
        [json!(["ioredis", null, true]), json!(["leanengine", null, true]), json!(["lodash", "4.17.21", false])];
    assert_eq!(packages, expected);
    let text = stdout(&hookd_in(&data, &["migrate", "scan", shown]));
    assert!(text.contains("needs change  save  cloud.js:13"), "{text}");
    assert!(text.contains("lodash  4.17.21  cloud.js:3"), "{text}");
    assert!(!app.join(".hookd").exists(), "a scan writes nothing");
    let python = folder.path().join("python");
    write(&python, "cloud.py", "");
    let refused = hookd_in(&data, &["migrate", "scan", python.to_str().unwrap()]);
    assert_refused(&refused, &["is a project in Python", "hookd build"]);
}

const CLEAN: &str = "Hooks and functions\n  works         hello  server.js:1\n\n\
                     Packages\n  leanengine  brought by hookd  server.js:1\n";

#[test]
fn a_clean_project_is_exit_code_0() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    write(&app, "server.js", "require('leanengine').Cloud.define('hello', () => 'Hello')");
    let scanned = hookd_in(&folder.path().join("data"), &["migrate", "scan", app.to_str().unwrap()]);
    assert_eq!((code(&scanned), stdout(&scanned).as_str()), (0, CLEAN));
    let nothing = hookd_in(&folder.path().join("data"), &["migrate", "scan", folder.path().to_str().unwrap()]);
    assert_refused(&nothing, &["is no project of LeanEngine", "cloud.js"]);
}
