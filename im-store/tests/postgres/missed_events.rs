//! What is kept beside the events that clients missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::MissedEvents as _;
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_postgres_server::PostgresServer;
use serde_json::Map;

use crate::world::app;

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn the_times_of_clients_go_with_their_last_events() {
    let server = PostgresServer::start();
    let time = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = time.clone();
    let address = PostgresAddress::new(&server.url(), None).unwrap();
    let clock = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
    let store = PostgresStore::open_with_clock(&address, clock).await.unwrap();
    let add = async |clients: Vec<String>| {
        let events = clients.into_iter().map(|client| (ClientId::new(client), Map::new())).collect();
        store.add_missed_events(&app(), events).await.unwrap()
    };
    let count = |table: &str| server.sql(&format!("SELECT count(*) FROM {table}")).parse::<usize>().unwrap();
    add((0..500).map(|number| format!("client {}", number % 250)).collect()).await;
    assert_eq!((count("missed_events"), count("missed_event_times")), (500, 250));
    time.fetch_add(4 * DAY, Ordering::SeqCst);
    add(vec!["client 1".to_owned()]).await;
    time.fetch_add(4 * DAY, Ordering::SeqCst);
    // Some at a time, with each event that comes.
    let mut before = count("missed_event_times");
    for _ in 0..8 {
        add(vec!["new".to_owned()]).await;
        let after = count("missed_event_times");
        assert!(before.saturating_sub(after) <= 70, "{before} before, {after} after");
        before = after;
    }
    assert_eq!(count("missed_events WHERE client NOT IN ('client 1', 'new')"), 0);
    let left =
        server.sql("SELECT string_agg(convert_from(client, 'UTF8'), ',' ORDER BY client) FROM missed_event_times");
    assert_eq!(left, "client 1,new", "one has a newer event");
    let times = add(vec!["client 1".to_owned()]).await;
    assert_eq!(times[0].0, time.load(Ordering::SeqCst));
}
