//! `hookd top` and `/metrics`: what is counted about calls.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::harness::{MESSAGE, Server, assert_refused};

fn invoke(server: &Server, times: usize) {
    let params = server.data().join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    for _ in 0..times {
        server.hookd(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    }
}

#[test]
fn calls_are_shown_as_they_happen() {
    let server = Server::with_module("word-filter");
    let mut top = server.hookd_started(&["top", "--json", "--interval", "100ms"]);
    let mut seen = BufReader::new(top.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&seen.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["functions"][0]["calls"], 0);
    invoke(&server, 2);
    let with_calls = std::iter::repeat_with(&mut next).find(|rates| rates["functions"][0]["calls"] == 2).unwrap();
    let function = &with_calls["functions"][0];
    assert_eq!((&function["app"], &function["function"]), (&"demo".into(), &"_messageReceived".into()));
    assert!(function["peak_memory_bytes"].as_u64().unwrap() >= 65_536, "{function}");
    assert!(with_calls.get("engine").is_none(), "what all apps share is for the operator");
    top.kill().unwrap();
    top.wait().unwrap();
}

#[test]
fn once_shows_a_table_of_one_app_or_of_all() {
    let server = Server::with_module("trap");
    server.hookd_ok(&["apps", "create", "shop"]);
    invoke(&server, 1);
    let table = server.hookd_ok(&["top", "--once", "--interval", "100ms"]);
    assert!(table.starts_with("app demo") && table.contains("_messageReceived"), "{table}");
    let all = server.hookd_ok(&["top", "--once", "--all", "--interval", "100ms"]);
    assert!(all.starts_with("2 apps") && all.contains("modules loaded"), "{all}");
    assert_refused(&server.hookd(&["top", "--all", "--admin-key", "wrong-key"]), &["--admin-key"]);
    assert_refused(&server.hookd(&["top", "--interval", "1ms"]), &["100ms"]);
}

const FETCH: &str = "const [, url, key] = process.argv;
    fetch(url, {headers: {authorization: `Bearer ${key}`}}).then(r => r.text()).then(t => process.stdout.write(t))";

#[test]
fn metrics_tell_calls_by_app_function_and_outcome() {
    let server = Server::with_module("trap");
    invoke(&server, 2);
    // The engine counts its calls; in a process of its own it says where it is reached.
    let engine = std::fs::read_to_string(server.data().join("engine.json"));
    let engine: Option<Value> = engine.ok().map(|text| serde_json::from_str(&text).unwrap());
    let connection = engine.as_ref().unwrap_or_else(|| server.connection());
    let url = format!("{}/metrics", connection["url"].as_str().unwrap());
    let fetched = std::process::Command::new("node")
        .args(["-e", FETCH, &url, connection["admin_key"].as_str().unwrap()])
        .output()
        .unwrap();
    let text = String::from_utf8(fetched.stdout).unwrap();
    let labels = r#"{app="demo",function="_messageReceived""#;
    for line in [
        format!(r#"hookd_calls_total{labels},outcome="trap"}} 2"#),
        format!(r#"hookd_call_duration_seconds_bucket{labels},le="+Inf"}} 2"#),
        format!("hookd_call_duration_seconds_count{labels}}} 2"),
        r#"hookd_app_running_calls{app="demo"} 0"#.to_owned(),
        "hookd_running_instances 0".to_owned(),
        "hookd_loaded_modules 1".to_owned(),
    ] {
        assert!(text.lines().any(|there| there == line), "{line} is not in:\n{text}");
    }
    let documented = std::fs::read_to_string(crate::harness::workspace().join("docs/metrics.md")).unwrap();
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
    }
}
