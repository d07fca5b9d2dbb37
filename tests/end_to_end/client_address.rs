//! The client's address: the peer of the connection, unless the operator trusts a proxy to name it.

use serde_json::{Value, json};

use crate::harness::{Server, http_client};

/// The caller's address as a function sees it, where the request has these headers.
async fn caller(server: &Server, headers: &[(&str, &str)]) -> Value {
    let request = http_client().build().unwrap().post(server.url("/1.1/functions/caller"));
    let request =
        request.header("x-lc-id", server.key("app_id")).header("x-lc-key", server.key("app_key")).json(&json!({}));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["result"]["address"].clone()
}

async fn socket_url(server: &Server, headers: &[(&str, &str)]) -> String {
    let request = http_client().build().unwrap().get(server.url("/v1/route?appId=x&secure=1"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["server"].as_str().unwrap().to_owned()
}

const FORGED: [(&str, &str); 7] = [
    ("x-forwarded-for", "6.6.6.6"),
    ("x-real-ip", "6.6.6.6"),
    ("forwarded", "for=6.6.6.6;proto=https"),
    ("x-forwarded-proto", "https"),
    ("x-hookd-front-key", "6.6.6.6"),
    ("x-hookd-front-key", ""),
    ("connection", "x-hookd-front-key, forwarded"),
];

/// F-11.
#[tokio::test]
async fn without_the_flag_no_header_is_believed() {
    let server = Server::with_module("known-functions");
    for header in FORGED {
        assert_eq!(caller(&server, &[header]).await, "127.0.0.1", "{header:?}");
    }
    assert_eq!(caller(&server, &FORGED).await, "127.0.0.1");
    assert!(socket_url(&server, &FORGED).await.starts_with("ws://"));
}

/// F-20.
#[tokio::test]
async fn with_the_flag_a_proxy_is_understood_and_its_client_cannot_put_words_before_it() {
    let server = Server::start_with_variable("HOOKD_TRUST_FORWARDED_HEADERS", "true");
    server.deploy("known-functions");
    for (written, address) in [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("nonsense, 1.2.3.4", "1.2.3.4"),
    ] {
        assert_eq!(caller(&server, &[("x-forwarded-for", written)]).await, address, "{written}");
        let with_others = [("x-forwarded-for", written), ("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6")];
        assert_eq!(caller(&server, &with_others).await, address, "{written}");
    }
    let two_lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
    assert_eq!(caller(&server, &two_lines).await, "1.2.3.4");
    let rfc_7239 = [("forwarded", "for=\"[2001:db8::1]:443\";proto=https")];
    assert_eq!(caller(&server, &rfc_7239).await, "2001:db8::1");
    assert!(socket_url(&server, &rfc_7239).await.starts_with("wss://"));
    assert!(socket_url(&server, &[("x-forwarded-proto", "https, http")]).await.starts_with("wss://"));
    assert!(socket_url(&server, &[("x-forwarded-proto", "http")]).await.starts_with("ws://"));
}
