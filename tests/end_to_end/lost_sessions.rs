//! Hooks learn of the end of sessions that died with the server.

use serde_json::{Value, json};

use crate::harness::{LeanEngine, Server};

#[test]
fn clients_that_were_online_when_the_server_was_killed_go_offline() {
    let mut server = Server::start();
    let engine = LeanEngine::recorder(&server, &json!({}));
    server.hookd_ok(&["settings", "--engine-url", engine.url()]);
    server.play("lost_sessions");
    // jerry 4, spike 2, tom 2: whether a call that was answered just before the kill comes once more is not said.
    let is = |hook: &str, client: &str| {
        let (hook, client) = (hook.to_owned(), client.to_owned());
        move |record: &&Value| record["hook"] == hook.as_str() && record["params"]["peerId"] == client.as_str()
    };
    let records = engine.records_until(|records| {
        let number = |hook, client| once_each(records).filter(is(hook, client)).count();
        number("_clientOffline", "jerry") == 2
            && ["spike", "tom"].iter().all(|client| number("_clientOffline", client) == 1)
    });
    let order = |client: &str| {
        let mut of_client: Vec<&Value> =
            once_each(&records).filter(|record| record["params"]["peerId"] == client).collect();
        let called = of_client.clone();
        of_client.sort_by_key(|record| record["sequence"].as_u64().unwrap());
        assert_eq!(of_client, called, "the numbers of a client grow from call to call");
        of_client.iter().map(|record| record["hook"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(order("jerry"), ["_clientOnline", "_clientOffline", "_clientOnline", "_clientOffline"]);
    assert_eq!(order("spike"), ["_clientOnline", "_clientOffline"]);
    assert_eq!(order("tom"), ["_clientOnline", "_clientOffline"]);

    let lost = once_each(&records).find(is("_clientOffline", "spike")).unwrap();
    let expected = json!({
        "peerId": "spike", "closeCode": 2, "closeMsg": "connection lost: the server died", "tag": "mobile"
    });
    assert_eq!(lost["params"], expected, "S-98: no address, because no client asked for the end");
}

/// The first call of each number.
fn once_each(records: &[Value]) -> impl Iterator<Item = &Value> {
    records.iter().enumerate().filter_map(|(position, record)| {
        let repeated = records[..position].iter().any(|earlier| earlier["sequence"] == record["sequence"]);
        (!repeated).then_some(record)
    })
}
