use std::time::Duration;

use hookd_im_core::ids::ClientId;
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use crate::fixture::{Fixture, START, object};

fn event(client: &str, number: u32) -> (ClientId, Map<String, Value>) {
    (ClientId::new(client), object(json!({"cmd": "conv", "op": "joined", "number": number})))
}

async fn numbers(fixture: &Fixture, client: &str, after: Timestamp, limit: u32) -> Vec<(i64, Value)> {
    let found = fixture.store.missed_events(&fixture.app, &ClientId::new(client), after, limit).await.unwrap();
    found.into_iter().map(|event| (event.server_timestamp.0 - START.0, event.payload["number"].clone())).collect()
}

pub async fn times_increase_for_each_client(fixture: &Fixture) {
    let events = vec![event("tom", 1), event("jerry", 2), event("tom", 3)];
    let times = fixture.store.add_missed_events(&fixture.app, events).await.unwrap();
    assert_eq!(times, [START, START, Timestamp(START.0 + 1)]);
    fixture.turn_back(Duration::from_secs(1));
    let times = fixture.store.add_missed_events(&fixture.app, vec![event("tom", 4)]).await.unwrap();
    assert_eq!(times, [Timestamp(START.0 + 2)]);
}

pub async fn events_after_a_time_ascending_up_to_the_limit(fixture: &Fixture) {
    let events = (0..5).map(|number| event("tom", number)).chain([event("jerry", 9)]).collect();
    fixture.store.add_missed_events(&fixture.app, events).await.unwrap();
    let expected = [(2, json!(2)), (3, json!(3))];
    assert_eq!(numbers(fixture, "tom", Timestamp(START.0 + 1), 2).await, expected);
    assert_eq!(numbers(fixture, "tom", Timestamp(0), 100).await.len(), 5);
    assert_eq!(numbers(fixture, "tom", Timestamp(START.0 + 4), 100).await, []);
}

pub async fn events_are_gone_after_seven_days(fixture: &Fixture) {
    const DAY: Duration = Duration::from_hours(24);
    fixture.store.add_missed_events(&fixture.app, vec![event("tom", 1)]).await.unwrap();
    fixture.advance(DAY * 6);
    fixture.store.add_missed_events(&fixture.app, vec![event("tom", 2)]).await.unwrap();
    assert_eq!(numbers(fixture, "tom", Timestamp(0), 100).await.len(), 2);
    fixture.advance(DAY * 2);
    fixture.store.add_missed_events(&fixture.app, vec![event("jerry", 3)]).await.unwrap();
    let left = numbers(fixture, "tom", Timestamp(0), 100).await;
    assert_eq!(left.into_iter().map(|(_, number)| number).collect::<Vec<_>>(), [json!(2)]);
}
