//! Which engine an app's owner may name, and which only the operator.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Control, Server, good, hookd, http_client, stderr};

/// A service beside hookd that keeps a secret, and counts its requests.
struct Neighbour {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Neighbour {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = socket.read(&mut [0; 4_096]);
                let body = r#"{"code":1,"error":"a secret of the neighbour"}"#;
                let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\nconnection: close", body.len());
                let _ = socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
            }
        });
        Self { port, asked }
    }
}

async fn set(server: &Server, url: &str, admin_key: Option<&str>) -> (StatusCode, String) {
    let path = format!("/hookd/v1/apps/{}/settings", server.key("app_id"));
    let request = http_client().build().unwrap().patch(server.url(&path)).json(&json!({"engine_url": url}));
    let request = request.header("x-lc-key", format!("{},master", server.key("master_key")));
    let request = match admin_key {
        Some(key) => request.header("x-hookd-admin-key", key),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// F-9.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_names_public_addresses_only_and_the_operator_any() {
    let neighbour = Neighbour::start();
    let port = neighbour.port;
    let server = Server::start();
    for host in [
        "127.0.0.1",
        "localhost",
        "LocalHost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "[::]",
        "127.1",
        "0x7f000001",
        "2130706433",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "[fd00::1]",
        "x@127.0.0.1",
        "no-such-name.invalid",
    ] {
        for key in [None, Some(""), Some("wrong-key"), Some(server.key("master_key"))] {
            let (status, text) = set(&server, &format!("http://{host}:{port}"), key).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{host}: {text}");
            assert!(text.contains("engine_url") && !text.contains("secret"), "{host}: {text}");
        }
    }
    let settings = good(Control::of(&server).get("/settings")).await;
    assert_eq!(settings["engine_url"], Value::Null);
    assert_eq!(neighbour.asked.load(Ordering::SeqCst), 0, "nothing was sent to it");

    let url = format!("http://127.0.0.1:{port}");
    let (status, text) = set(&server, &url, Some(server.key("admin_key"))).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(!text.contains("by_operator"), "{text}");
    // Another change of the owner leaves it the operator's; the same address named by the owner does not.
    server.hookd_ok(&["settings", "--hook-breaker-failures", "0", "--on-hook-failure", "ignore"]);
    assert_eq!(set(&server, &url, None).await.0, StatusCode::BAD_REQUEST);
    let path = format!("/hookd/v1/apps/{}/settings", server.key("app_id"));
    let forged = http_client().build().unwrap().patch(server.url(&path));
    let forged = forged.header("x-lc-key", format!("{},master", server.key("master_key")));
    let forged = forged.json(&json!({"engine_url_by_operator": true})).send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_may_name_what_the_operator_opened() {
    let server = Server::start_with_variable("HOOKD_ALLOW_PRIVATE_EGRESS", "127.0.0.0/8");
    let neighbour = Neighbour::start();
    let (status, text) = set(&server, &format!("http://127.0.0.1:{}", neighbour.port), None).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert_eq!(set(&server, "http://10.0.0.1:1", None).await.0, StatusCode::BAD_REQUEST);
}

#[test]
fn the_command_shows_the_admin_key_of_its_own_server_only() {
    let server = Server::start();
    let url = "http://127.0.0.1:1";
    server.hookd_ok(&["settings", "--engine-url", url]);
    server.hookd_ok(&["settings", "--engine-url", "none"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let arguments = [
        "settings",
        "--engine-url",
        url,
        "--url",
        &server.url(""),
        "--app",
        "demo",
        "--master-key",
        server.key("master_key"),
    ];
    let as_owner = hookd(&elsewhere.path().join("data")).args(arguments).output().unwrap();
    assert_eq!(as_owner.status.code(), Some(1));
    assert!(stderr(&as_owner).contains("admin key"), "{}", stderr(&as_owner));
    let mut as_operator = hookd(&elsewhere.path().join("data"));
    let as_operator = as_operator.args(arguments).env("HOOKD_ADMIN_KEY", server.key("admin_key")).output().unwrap();
    assert!(as_operator.status.success(), "{}", stderr(&as_operator));
}
