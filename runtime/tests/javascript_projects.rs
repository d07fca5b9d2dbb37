//! Whole LeanEngine projects in the sandbox, their files as they are: `hook-sdk/js/test/projects`. Each has a list of calls with
//! what is to come of them, which the tests of the JavaScript SDK make outside the sandbox.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken fixture ends the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use api_types::{BUNDLE_FORMAT, Bundle, BundleLanguage, BundledModule};
use hookd_runtime::{AppSettings, EgressConfig, LimitSettings, Outcome, Variable, VariableChanges};
use serde::Deserialize;
use serde_json::Value;
use support::TestEngine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// `calls.json` of a project.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    entry: String,
    definitions: Option<BTreeSet<String>>,
    #[serde(default)]
    internal: BTreeSet<String>,
    #[serde(default)]
    load_logs: Vec<String>,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    params: Option<Value>,
    #[serde(default)]
    reply: Value,
    failure: Option<Failure>,
    /// How the lines of its log begin, all of them; absent where they do not matter.
    logs: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Failure {
    code: i32,
    status: u16,
    message: Option<String>,
}

#[tokio::test]
async fn a_starter_with_its_web_framework_and_all_kinds_of_hooks() {
    check("starter", &TestEngine::start().await).await;
}

#[tokio::test]
async fn what_hooks_take_from_the_language_from_node_and_from_the_web() {
    check("language", &TestEngine::start().await).await;
}

#[tokio::test]
async fn the_recipes_of_presence_and_moderation() {
    let private_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let egress = EgressConfig { private_networks, ..EgressConfig::default() };
    let test = TestEngine::with(|config| config.egress = egress).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings =
        AppSettings { allowed_hosts: [address.to_string().parse().unwrap()].into(), limits: LimitSettings::default() };
    test.engine.set_settings("demo", settings).await.unwrap();
    let port = address.port().to_string();
    let serving = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            moderate(socket).await;
        }
    });
    let variables = [("MODERATION_HOST", "127.0.0.1"), ("MODERATION_PORT", &port), ("MODERATION_PROTOCOL", "http")]
        .map(|(name, value)| (name.to_owned(), Variable { value: value.to_owned(), secret: false }));
    let changes = VariableChanges { set: variables.into(), unset: Vec::new() };
    test.engine.change_variables("demo", changes, Default::default()).await.unwrap();
    check("recipes", &test).await;
    serving.abort();
}

/// Makes all calls of a project.
async fn check(name: &str, test: &TestEngine) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hook-sdk/js/test/projects").join(name);
    let expected: Expected = serde_json::from_slice(&std::fs::read(folder.join("calls.json")).unwrap()).unwrap();
    let release = test.deploy(bundle(&folder, &expected.entry)).await.unwrap();
    if let Some(definitions) = expected.definitions {
        let defined: BTreeSet<_> = release.definitions.iter().map(|one| one.name.clone()).collect();
        assert_eq!(defined, definitions);
        let internal = release.definitions.iter().filter(|one| one.internal).map(|one| one.name.clone());
        assert_eq!(internal.collect::<BTreeSet<_>>(), expected.internal);
    }
    let loaded = test.engine.recent_logs("demo");
    for text in expected.load_logs {
        assert!(loaded.iter().any(|line| line.text.starts_with(&text)), "`{text}` is not in {loaded:?}");
    }
    for call in expected.calls {
        let last = test.engine.recent_logs("demo").last().map_or(0, |line| line.id);
        let params = call.params.unwrap_or_else(|| Value::Object(serde_json::Map::new())).to_string();
        let outcome = test.call(&call.name, &params).await;
        test.engine.work_is_done().await;
        let about = format!("{name}: {} {params}", call.name);
        assert_outcome(&about, outcome, &call.reply, call.failure);
        let lines: Vec<_> = test.engine.recent_logs("demo").into_iter().filter(|line| line.id > last).collect();
        let Some(logs) = call.logs else { continue };
        assert_eq!(lines.len(), logs.len(), "{about}: {lines:?}");
        for (line, text) in lines.iter().zip(logs) {
            assert!(line.text.starts_with(&text.replace('\n', "\\n")), "{about}: {}", line.text);
        }
    }
}

#[track_caller]
fn assert_outcome(about: &str, outcome: Outcome, reply: &Value, failure: Option<Failure>) {
    match (outcome, failure) {
        (Outcome::Replied(text), None) => {
            let given: Value = if text.is_empty() { Value::Null } else { serde_json::from_slice(&text).unwrap() };
            assert_eq!(given, *reply, "{about}");
        }
        (Outcome::Failed { code, status, message }, Some(failure)) => {
            assert_eq!((code, status), (failure.code, failure.status), "{about}: {message}");
            if let Some(expected) = failure.message {
                assert_eq!(message, expected, "{about}");
            }
        }
        (outcome, _) => panic!("{about}: {outcome:?}"),
    }
}

/// The project as a bundle in which the builder resolved nothing.
fn bundle(folder: &Path, entry: &str) -> Vec<u8> {
    let mut bundle = Bundle {
        hookd_bundle: BUNDLE_FORMAT,
        language: BundleLanguage::JavaScript,
        name: "hooks".to_owned(),
        entry: format!("/app/{entry}"),
        modules: BTreeMap::new(),
        files: BTreeMap::new(),
        binary_files: BTreeMap::new(),
        http: true,
    };
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for found in std::fs::read_dir(folder.join(&inner)).unwrap() {
            let found = found.unwrap();
            let path = inner.join(found.file_name());
            let name = format!("/app/{}", path.to_str().unwrap());
            if found.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if name.ends_with(".js") {
                let source = std::fs::read_to_string(found.path()).unwrap();
                bundle.modules.insert(name, BundledModule { source, requires: BTreeMap::new(), map: None });
            } else if name != "/app/calls.json" {
                bundle.files.insert(name, std::fs::read_to_string(found.path()).unwrap());
            }
        }
    }
    serde_json::to_vec(&bundle).unwrap()
}

/// The moderation service of the recipe: answers one request by the text in its body.
async fn moderate(mut socket: TcpStream) {
    let mut request = Vec::new();
    let text = loop {
        socket.read_buf(&mut request).await.unwrap();
        let whole = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap();
        if body.len() >= length.parse().unwrap() {
            assert!(head.starts_with("post /check ") && head.contains("x-secret: moderation secret"), "{head}");
            break serde_json::from_str::<Value>(body).unwrap()["content"].as_str().unwrap().to_owned();
        }
    };
    let (status, answer) = match text {
        text if text.contains("break") => ("503 Service Unavailable", "no".to_owned()),
        text if text.contains("worst") => ("200 OK", r#"{"result":1}"#.to_owned()),
        text if text.contains("bad") => {
            let filtered = text.replace("bad", "***");
            ("200 OK", serde_json::json!({ "result": 1, "filtered_text": filtered }).to_string())
        }
        _ => ("200 OK", r#"{"result":0}"#.to_owned()),
    };
    let length = answer.len();
    let response = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}");
    socket.write_all(response.as_bytes()).await.unwrap();
}
