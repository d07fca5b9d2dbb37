//! Secrets as people give them: in flags, variables and files.

use serde_json::json;

use crate::harness::{Server, assert_refused, hookd, http_client, stdout};

/// Keys that cannot be sent, or that are easy to guess.
const UNUSABLE: [&str; 5] = ["", "\n", "short", "two words of it", "a-line-\n-end-inside"];

/// F-2: an empty header was the administrator of a server whose variable was empty.
#[test]
fn a_server_and_its_clients_refuse_an_unusable_key_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for key in UNUSABLE {
        for command in [
            vec!["up", "--listen", "127.0.0.1:0"],
            vec!["engine", "--listen", "127.0.0.1:0"],
            vec!["im", "--listen", "127.0.0.1:0"],
            vec!["apps", "list", "--url", "http://127.0.0.1:1"],
            vec!["top", "--all", "--once", "--url", "http://127.0.0.1:1"],
        ] {
            let by_variable = hookd(&data).args(&command).env("HOOKD_ADMIN_KEY", key).output().unwrap();
            assert_refused(&by_variable, &["the variable `HOOKD_ADMIN_KEY`"]);
            let by_flag = hookd(&data).args(&command).args(["--admin-key", key]).output().unwrap();
            assert_refused(&by_flag, &["`--admin-key`"]);
        }
        let settings = ["settings", "--url", "http://127.0.0.1:1", "--app", "demo"];
        let by_variable = hookd(&data).args(settings).env("HOOKD_MASTER_KEY", key).output().unwrap();
        assert_refused(&by_variable, &["the variable `HOOKD_MASTER_KEY`"]);
        assert_refused(&hookd(&data).args(settings).args(["--master-key", key]).output().unwrap(), &["`--master-key`"]);

        let file = data.join("hookd.toml");
        std::fs::write(&file, format!("admin_key = {}", json!(key))).unwrap();
        let by_file = hookd(&data).args(["up", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert_refused(&by_file, &["hookd.toml", "`admin_key`"]);
        std::fs::remove_file(&file).unwrap();

        let file = data.join("admin.key");
        std::fs::write(&file, key).unwrap();
        let by_file = hookd(&data).args(["engine", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert_refused(&by_file, &["admin.key", "delete the file"]);
        std::fs::remove_file(&file).unwrap();
    }
    for url in ["", "redis://:@127.0.0.1:6379"] {
        let refused =
            hookd(&data).args(["up", "--listen", "127.0.0.1:0"]).env("HOOKD_REDIS_URL", url).output().unwrap();
        assert_refused(&refused, &["the variable `HOOKD_REDIS_URL`", "empty"]);
    }
}

#[test]
fn a_line_end_of_a_mounted_secret_is_no_part_of_the_key() {
    let server = Server::start_with_variable("HOOKD_ADMIN_KEY", "a-mounted-key\n");
    assert_eq!(server.key("admin_key"), "a-mounted-key");
    let mut list = hookd(&server.data());
    let list = list.args(["apps", "list", "--json"]).env("HOOKD_ADMIN_KEY", "a-mounted-key\r\n").output().unwrap();
    assert!(stdout(&list).contains("demo"), "{list:?}");
    let mut settings = hookd(&server.data());
    let master_key = format!(" {}\n", server.key("master_key"));
    let settings = settings.args(["settings", "--json"]).env("HOOKD_MASTER_KEY", master_key).output().unwrap();
    assert!(stdout(&settings).contains("on_hook_failure"), "{settings:?}");
}

/// F-2 and F-41.
#[tokio::test]
async fn the_keys_of_an_app_are_read_likewise() {
    let server = Server::start();
    let file = server.data().join("keys.json");
    let create = |text: String| {
        std::fs::write(&file, text).unwrap();
        server.hookd(&["apps", "create", "shop", "--json", "--keys", file.to_str().unwrap()])
    };
    for key in UNUSABLE {
        for name in ["app_key", "master_key", "hook_key"] {
            let refused = create(json!({name: key}).to_string());
            assert_refused(&refused, &[&format!("the {} in", name.replace('_', " ")), "keys.json"]);
            let request = http_client().build().unwrap().post(server.url("/hookd/v1/apps"));
            let request = request.header("x-hookd-admin-key", server.key("admin_key"));
            let answer = request.json(&json!({"id": "shop", name: key})).send().await.unwrap();
            assert_eq!(answer.status(), 400);
            let kind = name.split('_').next().unwrap();
            assert!(answer.text().await.unwrap().contains(&format!("the {kind} key")), "{name}");
        }
    }
    let created = create("\u{feff}{\"master_key\": \"a-master-key\\n\"}\n".to_owned());
    assert!(stdout(&created).contains("\"a-master-key\""), "{created:?}");
    for shown in ["", "\n"] {
        let request = http_client().build().unwrap().get(server.url("/hookd/v1/apps"));
        let request = request.header("x-hookd-admin-key", shown.trim()).header("authorization", "Bearer ");
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}
