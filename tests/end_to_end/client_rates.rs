//! How much clients may ask for (S-27, S-28).

use serde_json::Value;

use crate::harness::Server;

#[test]
fn a_client_that_asks_too_often_gets_an_error_or_no_answer() {
    let mut server = Server::start();
    server.play_obliging("client_rates", &[], &mut |server, asked, _| {
        let (limit, overflow) = match asked {
            "limit sends to 3, with an error" => ("3", "error"),
            "limit sends to 2, silently" => ("2", "silent"),
            "limit nothing" => ("0", "silent"),
            other => panic!("{other}"),
        };
        server.hookd_ok(&["settings", "--client-sends-per-minute", limit, "--client-rate-overflow", overflow]);
        Value::Null
    });
    let lines = server.log();
    let told = |line: &&str| line.contains("a client exceeds a limit of its app") && line.contains("tom");
    assert_eq!(lines.lines().filter(told).count(), 1, "one line a minute");
}
