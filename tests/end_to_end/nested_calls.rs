//! Functions that call functions of their own app over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};

use crate::harness::{Server, http_client};

const CHAIN: &str = "x-hookd-call-chain";

/// A server whose functions may send requests to this machine; `ports` are those besides its own.
fn server(arguments: &[&str], ports: &[u16]) -> Server {
    let server = Server::start_with(&[&["--allow-private-egress", "127.0.0.0/8"], arguments].concat());
    server.deploy("outbound");
    let own = server.url("").trim_start_matches("http://").to_owned();
    for host in ports.iter().map(|port| format!("127.0.0.1:{port}")).chain([own]) {
        server.hookd_ok(&["settings", "--allow-host", &host]);
    }
    server
}

fn client() -> Client {
    http_client().timeout(Duration::from_secs(30)).build().unwrap()
}

/// A call of a function of `demo`, as its params for another function that makes it.
fn request_to(server: &Server, function: &str) -> Value {
    let url = server.url(&format!("/1.1/functions/{function}"));
    json!({"url": url, "headers": {"x-lc-id": server.key("app_id"), "x-lc-key": server.key("app_key")}})
}

/// The whole answer of a function of `demo`.
async fn call(client: &Client, server: &Server, function: &str, params: &Value, chain: Option<&str>) -> String {
    call_of(client, server, (server.key("app_id"), server.key("app_key")), (function, params, chain)).await
}

async fn call_of(
    client: &Client,
    server: &Server,
    (app, key): (&str, &str),
    (function, params, chain): (&str, &Value, Option<&str>),
) -> String {
    let request = client.post(server.url(&format!("/1.1/functions/{function}"))).json(params);
    let request = request.header("x-lc-id", app).header("x-lc-key", key);
    let request = chain.into_iter().fold(request, |request, chain| request.header(CHAIN, chain));
    request.send().await.unwrap().text().await.unwrap()
}

/// F-22.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_does_not_queue_behind_its_own_caller() {
    let (server, client) = (server(&[], &[]), client());
    let nested = request_to(&server, "hello");
    let all_succeed = async |count: usize| {
        let started = Instant::now();
        for answer in join_all((0..count).map(|_| call(&client, &server, "fetch", &nested, None))).await {
            assert!(answer.contains("\"status\":200") && answer.contains("hello"), "{answer}");
        }
        assert!(
            started.elapsed() < Duration::from_secs(14),
            "{:?}: inner calls waited for outer ones",
            started.elapsed()
        );
    };
    all_succeed(200).await;
    server.hookd_ok(&["settings", "--limit", "concurrency=1"]);
    all_succeed(1).await;
    all_succeed(20).await;
    server.hookd_ok(&["settings", "--limit", "concurrency=default", "--function-limit", "again:concurrency=1"]);
    let answer = call(&client, &server, "again", &request_to(&server, "again"), None).await;
    assert!(answer.contains("8 at most"), "a function does not queue behind its own call either: {answer}");
}

/// F-22.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_calls_ends_at_its_longest_with_a_text_that_shows_it() {
    let (server, client) = (server(&[], &[]), client());
    let chains = (0..20).map(|_| async {
        let answer = call(&client, &server, "again", &request_to(&server, "again"), None).await;
        assert!(answer.contains("8 at most") && answer.contains("`again` -> `again`"), "{answer}");
        assert_eq!(answer.matches("->").count(), 8, "{answer}");
    });
    join_all(chains).await;
}

/// Tells the head of each request that comes; answers those to `/` with `200 OK`, and others never.
fn listener() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heads, told) = channel();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut socket in listener.incoming().flatten() {
            let lines = BufReader::new(socket.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            match head.first().is_some_and(|line| line.starts_with("GET / ")) {
                true => {
                    let answer =
                        format!("HTTP/1.1 200 OK\r\n{CHAIN}: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                    let _ = socket.write_all(answer.as_bytes());
                }
                false => silent.push(socket),
            }
            if heads.send(head.join("\n").to_ascii_lowercase()).is_err() {
                return;
            }
        }
    });
    (port, told)
}

fn chain_of(head: &str) -> Option<&str> {
    head.lines().find_map(|line| line.strip_prefix(CHAIN)?.strip_prefix(": "))
}

/// F-22.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_engine_says_which_calls_are_behind_a_call() {
    let (own, told_to_own) = listener();
    let (other, told_to_other) = listener();
    let (server, client) = (server(&["--api-server", &format!("http://127.0.0.1:{own}")], &[own, other]), client());
    let forging = |port: u16| json!({"url": format!("http://127.0.0.1:{port}/"), "headers": {CHAIN: "forged"}});

    let answer = call(&client, &server, "fetch", &forging(other), None).await;
    assert!(answer.contains("\"status\":200"), "{answer}");
    assert_eq!(chain_of(&told_to_other.recv().unwrap()), None, "another host gets no header");
    call(&client, &server, "fetch", &forging(own), None).await;
    let head = told_to_own.recv().unwrap();
    let signed = chain_of(&head).unwrap();
    assert_ne!(signed, "forged");

    // Two apps whose only place is taken.
    let app: Value = serde_json::from_str(&server.hookd_ok(&["apps", "create", "shop", "--json"])).unwrap();
    let key = |name: &str| app[name].as_str().unwrap();
    let of_shop = ["--app", "shop", "--master-key", key("master_key")];
    let module = crate::harness::module("outbound");
    server.hookd_ok(&[&["deploy", module.to_str().unwrap(), "--prod"], &of_shop[..]].concat());
    let limits = ["settings", "--limit", "concurrency=1", "--limit", "queue=0"];
    let hosts = ["--allow-host", &format!("127.0.0.1:{other}")];
    server.hookd_ok(&[&limits[..], &hosts, &of_shop].concat());
    server.hookd_ok(&limits);
    let silent = json!({"url": format!("http://127.0.0.1:{other}/silent")});
    let (demo, shop) = ((server.key("app_id"), server.key("app_key")), ("shop", key("app_key")));
    let holding = async {
        let hold = |app| call_of(&client, &server, app, ("fetch", &silent, None));
        tokio::join!(hold(demo), hold(shop));
    };
    let nothing = json!({});
    let refused = async {
        let both = tokio::task::spawn_blocking(move || [told_to_other.recv(), told_to_other.recv()]);
        for head in both.await.unwrap() {
            head.unwrap();
        }
        for (app, chain) in [(demo, None), (demo, Some("forged")), (demo, Some("a.b")), (shop, Some(signed))] {
            let answer = call_of(&client, &server, app, ("hello", &nothing, chain)).await;
            assert!(answer.contains("`concurrency` 1"), "{chain:?}: {answer}");
        }
        let (payload, signature) = signed.split_once('.').unwrap();
        for changed in [format!("{payload}x.{signature}"), format!("x.{signature}"), format!("{payload}.")] {
            let answer = call_of(&client, &server, demo, ("hello", &nothing, Some(&changed))).await;
            assert!(answer.contains("`concurrency` 1"), "{changed}: {answer}");
        }
    };
    tokio::select! {
        () = refused => {}
        () = holding => panic!("the places came free"),
    }
}
