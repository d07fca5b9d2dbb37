//! `hookd.toml`, the environment and the flags, in that order of precedence.

use serde_json::Value;

use crate::harness::{Server, assert_refused, code, hookd, hookd_in, stderr, stdout};

/// Key, value and source of each option.
fn options(text: &str) -> Vec<(String, String, String)> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    lines.map(|line| (word(&line, "key"), word(&line, "value"), word(&line, "source"))).collect()
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let file = data.join("hookd.toml");
    let text =
        "listen = '127.0.0.1:1'\npublic_url = 'https://file'\nlog_age = '1day'\ntrust_forwarded_headers = true\n";
    std::fs::write(&file, text).unwrap();
    let shown = hookd(&data)
        .args(["config", "show", "--json", "--listen", "127.0.0.1:3"])
        .env("HOOKD_LISTEN", "127.0.0.1:2")
        .env("HOOKD_PUBLIC_URL", "https://environment")
        .output()
        .unwrap();
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
    let options = options(&stdout(&shown));
    for (key, value, source) in [
        ("listen", "127.0.0.1:3", "flag"),
        ("public_url", "https://environment", "HOOKD_PUBLIC_URL"),
        ("log_age", "1day", file.to_str().unwrap()),
        ("trust_forwarded_headers", "true", file.to_str().unwrap()),
        ("log_bytes_per_app", "16MiB", "default"),
        ("data", data.to_str().unwrap(), "HOOKD_DATA"),
    ] {
        let expected = (key.to_owned(), value.to_owned(), source.to_owned());
        assert!(options.contains(&expected), "{expected:?} is not in {options:?}");
    }
}

#[test]
fn a_server_uses_its_file_and_refuses_a_wrong_one() {
    let mut server = Server::start();
    server.kill();
    let file = server.data().join("hookd.toml");
    for (text, words) in [
        ("lisen = '127.0.0.1:1'", ["`lisen`", "`listen`"]),
        ("log_age = 'soon'", ["hookd.toml", "log-age"]),
        ("data = '/elsewhere'", ["`data`", "--config"]),
        ("listen", ["TOML", "hookd.toml"]),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_refused(&server.hookd(&["up"]), &words);
    }
    assert_refused(&server.hookd(&["up", "--config", "/nowhere.toml"]), &["/nowhere.toml", "hookd config template"]);

    std::fs::write(&file, "public_url = 'https://im.example.org'").unwrap();
    server.start_again();
    let router = format!("{}/v1/route?appId=x&secure=1", server.connection()["url"].as_str().unwrap());
    let fetched = std::process::Command::new("node")
        .args(["-e", "fetch(process.argv[1]).then(r => r.text()).then(t => process.stdout.write(t))", &router])
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&fetched.stdout).into_owned();
    assert!(answer.contains("im.example.org"), "{answer}");
}

#[test]
fn the_template_starts_a_server_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let template = hookd_in(folder.path(), &["config", "template"]);
    let file = folder.path().join("hookd.toml");
    std::fs::write(&file, stdout(&template)).unwrap();
    let shown = hookd_in(folder.path(), &["config", "show", "up", "--config", file.to_str().unwrap()]);
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
    assert!(stdout(&shown).contains("# default"), "{}", stdout(&shown));
    assert_refused(&hookd_in(folder.path(), &["config", "show", "deploy"]), &["`hookd deploy`", "up"]);
}
