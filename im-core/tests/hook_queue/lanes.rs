//! Calls of one client, one after the other.

use std::time::Duration;

use hookd_im_core::hooks::queue::Fate;

use crate::fixture::{Fixture, death, in_short, offline, online, presence};

pub async fn one_call_of_a_lane_at_a_time_in_order(fixture: &Fixture) {
    fixture.push(vec![online("tom"), offline("tom"), online("jerry"), online("tom")]).await;
    let first = fixture.claim(presence()).await;
    assert_eq!(in_short(&first), ["Online tom", "Online jerry"]);
    assert_eq!(fixture.claim(presence()).await, []);
    fixture.settle(&first[0], Fate::Done).await;
    let second = fixture.claim(presence()).await;
    assert_eq!(in_short(&second), ["Offline tom"]);
    fixture.settle(&second[0], Fate::Done).await;
    let third = fixture.claim(presence()).await;
    assert_eq!(in_short(&third), ["Online tom"]);
    assert!(first[0].sequence < second[0].sequence && second[0].sequence < third[0].sequence);
    fixture.settle(&third[0], Fate::Done).await;
    fixture.push(vec![offline("tom")]).await;
    assert_eq!(in_short(&fixture.claim(presence()).await), ["Offline tom"]);
}

pub async fn a_failed_call_holds_its_lane_back_and_no_other(fixture: &Fixture) {
    fixture.push(vec![online("tom"), offline("tom"), online("jerry"), offline("jerry")]).await;
    let first = fixture.claim(presence()).await;
    fixture.settle(&first[0], Fate::Again { at: fixture.now().plus(Duration::from_secs(5)) }).await;
    fixture.settle(&first[1], Fate::Done).await;
    assert_eq!(in_short(&fixture.claim(presence()).await), ["Offline jerry"]);
    fixture.advance(Duration::from_secs(5));
    let again = fixture.claim(presence()).await;
    assert_eq!(in_short(&again), ["Online tom"]);
    fixture.settle(&again[0], Fate::Done).await;
    assert_eq!(in_short(&fixture.claim(presence()).await), ["Offline tom"]);
}

pub async fn a_dead_call_lets_its_lane_go_on(fixture: &Fixture) {
    fixture.push(vec![online("tom"), offline("tom")]).await;
    let first = fixture.claim(presence()).await;
    fixture.settle(&first[0], death()).await;
    let second = fixture.claim(presence()).await;
    assert_eq!(in_short(&second), ["Offline tom"]);

    // The dead call comes back while its lane is busy: still one at a time.
    let all = hookd_im_core::hooks::queue::Letters::All { hook: None };
    assert_eq!(fixture.queue.revive(&fixture.app, &all, 10).await.unwrap(), 1);
    assert_eq!(fixture.claim(presence()).await, []);
    fixture.settle(&second[0], Fate::Done).await;
    assert_eq!(fixture.claim(presence()).await[0].sequence, first[0].sequence);
}

pub async fn lanes_survive_the_process(fixture: &Fixture) {
    fixture.push(vec![online("tom"), offline("tom")]).await;
    assert_eq!(fixture.claim(presence()).await.len(), 1);
    let reopened = fixture.reopened();
    let claimed = reopened.claim(&fixture.app, presence(), 10).await.unwrap().calls;
    assert_eq!(in_short(&claimed), ["Online tom"]);
    reopened.settle(&fixture.app, presence(), vec![(claimed[0].clone(), Fate::Done)], 10).await.unwrap();
    let next = reopened.claim(&fixture.app, presence(), 10).await.unwrap().calls;
    assert_eq!(in_short(&next), ["Offline tom"]);
}
