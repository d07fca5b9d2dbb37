//! Clients that were kicked (S-37).

use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::timestamp::Timestamp;

use crate::fixture::{Fixture, START};

const KEPT: Duration = Duration::from_hours(24);

async fn kick(fixture: &Fixture, client: &str, kicked_at: Timestamp) {
    let client = ClientId::new(client);
    fixture.store.keep_kick(&fixture.app, &client, kicked_at, kicked_at.plus(KEPT)).await.unwrap();
}

async fn kicked_at(fixture: &Fixture, client: &str) -> Option<Timestamp> {
    fixture.store.kicked_at(&fixture.app, &ClientId::new(client)).await.unwrap()
}

pub async fn the_last_kick_of_a_client_counts(fixture: &Fixture) {
    assert_eq!(kicked_at(fixture, "tom").await, None);
    kick(fixture, "tom", START).await;
    kick(fixture, "tom", START.plus(Duration::from_secs(2))).await;
    // That of a node whose clock is behind.
    kick(fixture, "tom", START.plus(Duration::from_secs(1))).await;
    assert_eq!(kicked_at(fixture, "tom").await, Some(START.plus(Duration::from_secs(2))));
    assert_eq!(kicked_at(fixture, "jerry").await, None);
    let other = AppId::new("other");
    assert_eq!(fixture.store.kicked_at(&other, &ClientId::new("tom")).await.unwrap(), None);
}

pub async fn a_client_id_may_hold_any_character(fixture: &Fixture) {
    kick(fixture, "a\0'; DROP TABLE kicked_clients; --", START).await;
    assert_eq!(kicked_at(fixture, "a\0'; DROP TABLE kicked_clients; --").await, Some(START));
    assert_eq!(kicked_at(fixture, "a").await, None);
}

pub async fn a_kick_is_forgotten_when_all_from_before_has_expired(fixture: &Fixture) {
    kick(fixture, "tom", START).await;
    fixture.advance(KEPT - Duration::from_secs(1));
    kick(fixture, "jerry", START.plus(KEPT)).await;
    assert_eq!(kicked_at(fixture, "tom").await, Some(START));
    fixture.advance(Duration::from_secs(1));
    kick(fixture, "jerry", START.plus(KEPT)).await;
    assert_eq!(kicked_at(fixture, "tom").await, None);
    assert!(kicked_at(fixture, "jerry").await.is_some());
}
