//! `hookd test`: calls on this machine, without a server.

use std::fs;

use serde_json::Value;

use crate::harness::{assert_refused, code, hookd_in, stderr, stdout, workspace};

const CLOUD: &str = "const AV = require('leanengine')
const redis = new (require('ioredis'))()
AV.Cloud.onIMMessageReceived(async ({ params }) => {
  console.log('asked by', params.fromPeer)
  await redis.incr('messages')
  return { content: params.content.toUpperCase() + (process.env.END || '') }
})
AV.Cloud.define('fail', () => { throw new AV.Cloud.Error('no luck', { code: 7 }) })
";

#[test]
fn a_call_shows_reply_log_and_what_it_used() {
    let folder = tempfile::tempdir().unwrap();
    let (data, project) = (folder.path().join("data"), folder.path().join("hooks"));
    fs::create_dir(&project).unwrap();
    fs::write(project.join("cloud.js"), CLOUD).unwrap();
    let params = folder.path().join("params.json");
    fs::write(&params, r#"{"fromPeer":"Tom","content":"hi"}"#).unwrap();
    let (shown, params) = (project.to_str().unwrap(), params.to_str().unwrap());
    let call = |more: &[&str]| hookd_in(&data, &[&["test", "--project", shown][..], more].concat());

    let called = call(&["_messageReceived", "--params", params, "--env", "END=!"]);
    assert_eq!((code(&called), stdout(&called).trim()), (0, r#"{"content":"HI!"}"#), "{}", stderr(&called));
    let told = stderr(&called);
    for line in ["[info] asked by Tom", "cache_commands  1 of 1000", "log_lines       1 of 600", "memory_bytes"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_refused(&call(&["fail"]), &["no luck"]);
    assert_refused(&call(&["other"]), &["no `other`", "_messageReceived", "fail"]);

    let fixtures = folder.path().join("fixtures");
    fs::create_dir(&fixtures).unwrap();
    let write = |name: &str, text: &str| fs::write(fixtures.join(name), text).unwrap();
    write("fail.params.json", "{}");
    write("fail.expected.json", r#"{"code":7,"error":"no luck"}"#);
    write("_messageReceived.shouts.params.json", r#"{"fromPeer":"Ann","content":"ho"}"#);
    write("_messageReceived.shouts.expected.json", r#"{"result":{"content":"HO"}}"#);
    let fixtures_shown = fixtures.to_str().unwrap();
    let all = call(&["--fixtures", fixtures_shown]);
    assert_eq!(code(&all), 0, "{}{}", stdout(&all), stderr(&all));
    assert_eq!(stdout(&all).lines().filter(|line| line.starts_with("ok")).count(), 2);

    let differing = call(&["--fixtures", fixtures_shown, "--env", "END=?"]);
    assert_eq!(code(&differing), 1);
    assert!(stderr(&differing).contains("1 of 2 fixtures"), "{}", stderr(&differing));
    let told = stdout(&differing);
    assert!(told.contains("DIFF _messageReceived.shouts"), "{told}");
    assert!(told.contains("-     \"content\": \"HO\"") && told.contains("+     \"content\": \"HO?\""), "{told}");
    let as_json = call(&["--fixtures", fixtures_shown, "--json"]);
    let lines: Vec<Value> = stdout(&as_json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["fixture"], "_messageReceived.shouts");
    assert_eq!((&lines[0]["matches"], &lines[0]["used"]["cache_commands"]["used"]), (&true.into(), &1.into()));
}

#[test]
fn fixtures_without_a_partner_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (data, shown) = (folder.path().join("data"), folder.path().to_str().unwrap());
    assert_refused(&hookd_in(&data, &["test", "--fixtures", shown]), &[".params.json", "hookd test --help"]);
    fs::write(folder.path().join("a.expected.json"), "{}").unwrap();
    assert_refused(&hookd_in(&data, &["test", "--fixtures", shown]), &["a.params.json"]);
    fs::remove_file(folder.path().join("a.expected.json")).unwrap();
    fs::write(folder.path().join("b.params.json"), "{}").unwrap();
    assert_refused(&hookd_in(&data, &["test", "--fixtures", shown]), &["b.expected.json"]);
}

#[test]
fn fixtures_of_the_examples_match() {
    let folder = tempfile::tempdir().unwrap();
    // The engine for JavaScript is compiled once for all of them.
    let data = folder.path().join("data");
    let mut tried = 0;
    for project in fs::read_dir(workspace().join("examples-hooks/javascript")).unwrap() {
        let project = project.unwrap().path();
        let fixtures = project.join("fixtures");
        if fixtures.is_dir() {
            let (shown, fixtures) = (project.to_str().unwrap(), fixtures.to_str().unwrap());
            let all = hookd_in(&data, &["test", "--project", shown, "--fixtures", fixtures]);
            assert_eq!(code(&all), 0, "{}{}", stdout(&all), stderr(&all));
            tried += 1;
        }
    }
    assert!(tried > 0);
}
