//! Access to `/metrics`, and the form of durations.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::Server;

/// The status and the body of `/metrics` at an address, asked for with these lines.
fn read(address: &str, head: &str) -> (String, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(format!("GET /metrics HTTP/1.1\r\n{head}connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

fn address(url: &Value) -> String {
    url.as_str().unwrap().trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
}

/// The metrics of every process of the server.
fn connections(server: &Server) -> Vec<Value> {
    let engine = std::fs::read_to_string(server.data().join("engine.json"));
    let engine = engine.ok().map(|text| serde_json::from_str(&text).unwrap());
    [server.connection().clone()].into_iter().chain(engine).collect()
}

/// F-33a: behind a proxy all clients come from this machine.
#[test]
fn where_clients_are_served_the_admin_key_alone_opens_it() {
    let server = Server::start();
    for connection in connections(&server) {
        let public = address(&connection["url"]);
        for head in [
            "host: localhost\r\n",
            "host: 127.0.0.1\r\n",
            "host: localhost\r\nhost: localhost\r\n",
            "host: localhost\r\nvia: 1.1 proxy\r\n",
            "host: localhost\r\nx-forwarded-host: example.org\r\n",
            "host: localhost\r\nx-forwarded-for: 127.0.0.1\r\n",
            "host: localhost\r\nauthorization: Bearer \r\n",
            "host: localhost\r\nx-hookd-admin-key: \r\n",
        ] {
            let (status, body) = read(&public, head);
            assert!(status.starts_with('4'), "{head}: {status}");
            assert!(!body.contains("hookd_"), "{head}: {body}");
        }
        let key = connection["admin_key"].as_str().unwrap();
        for head in [format!("authorization: Bearer {key}\r\n"), format!("x-hookd-admin-key: {key}\r\n")] {
            assert_eq!(read(&public, &format!("host: hookd.example.org\r\n{head}")).0, "200", "{head}");
        }
    }
}

#[test]
fn a_listener_of_its_own_needs_no_key_and_tells_no_page() {
    let server = Server::start_with_variable("HOOKD_METRICS_LISTEN", "localhost:0");
    for connection in connections(&server) {
        let own = address(&connection["metrics"]);
        assert_ne!(own, address(&connection["url"]));
        for host in ["localhost", "127.0.0.1"] {
            let (status, body) = read(&own, &format!("host: {host}\r\n"));
            assert_eq!(status, "200", "{body}");
        }
        for hosts in ["host: attacker.example\r\n", "host: localhost\r\nhost: attacker.example\r\n"] {
            assert!(read(&own, hosts).0.starts_with('4'), "{hosts}");
        }
    }
}

/// F-31.
#[test]
fn durations_are_histograms() {
    let mut server = Server::start_with_variable("HOOKD_METRICS_LISTEN", "127.0.0.1:0");
    server.deploy("online-status");
    server.play("online_status");
    let all: String = connections(&server)
        .iter()
        .map(|connection| read(&address(&connection["metrics"]), "host: localhost\r\n").1)
        .collect();
    for name in ["hookd_hook_call_seconds", "hookd_cache_duration_seconds", "hookd_call_duration_seconds"] {
        assert!(all.contains(&format!("# TYPE {name} histogram")), "{name} in\n{all}");
        assert!(all.contains(&format!("{name}_bucket{{")), "{name} in\n{all}");
    }
    assert!(!all.contains(" summary"), "{all}");
}
