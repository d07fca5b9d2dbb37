//! Dead letters.

use hookd_im_core::hooks::queue::{DeadLetter, Fate, Letters};

use crate::fixture::{Fixture, death, in_short, messages, online, presence, sent};

const ALL: Letters = Letters::All { hook: None };

pub async fn all(fixture: &Fixture) -> Vec<DeadLetter> {
    fixture.queue.dead_letters(&fixture.app, &ALL, 100, false).await.unwrap()
}

pub async fn dead_letters_tell_everything_newest_first(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    let letters = all(fixture).await;
    let expected = DeadLetter {
        id: calls[1].sequence,
        hook: "_messageSent".to_owned(),
        cause: "trap".to_owned(),
        reason: "unreachable".to_owned(),
        attempts: 1,
        queued_at: calls[1].queued_at,
        died_at: fixture.now(),
        params: None,
    };
    assert_eq!(letters[0], expected);
    assert_eq!((letters.len(), letters[1].id), (2, calls[0].sequence));
    let newest = fixture.queue.dead_letters(&fixture.app, &ALL, 1, false).await.unwrap();
    assert_eq!(newest, [expected]);
    let other = hookd_im_core::ids::AppId::new("other");
    assert_eq!(fixture.queue.dead_letters(&other, &ALL, 100, true).await.unwrap(), []);
    let ids = Letters::Ids(vec![calls[0].sequence]);
    assert_eq!(fixture.queue.discard(&other, &ids).await.unwrap(), 0, "ids of another app mean nothing");
}

pub async fn params_are_shown_when_asked_for(fixture: &Fixture) {
    fixture.dead(&["one"]).await;
    let letters = fixture.queue.dead_letters(&fixture.app, &ALL, 100, true).await.unwrap();
    assert_eq!(letters[0].params.as_deref(), Some(r#"{"content":"one"}"#));
    let json = serde_json::to_value(&letters[0]).unwrap();
    assert_eq!(json["params"]["content"], "one");
}

pub async fn letters_are_chosen_by_id_or_hook(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two", "three"]).await;
    fixture.push(vec![online("tom")]).await;
    let call = fixture.claim(presence()).await;
    fixture.settle(&call[0], death()).await;
    let found = async |letters: Letters| {
        let found = fixture.queue.dead_letters(&fixture.app, &letters, 100, false).await.unwrap();
        let mut ids: Vec<u64> = found.iter().map(|letter| letter.id).collect();
        ids.sort_unstable();
        ids
    };
    let hook = |name: &str| Letters::All { hook: Some(name.to_owned()) };
    assert_eq!(found(hook("_clientOnline")).await, [call[0].sequence]);
    assert_eq!(found(hook("_messageSent")).await.len(), 3);
    assert_eq!(found(hook("_clientOffline")).await, [] as [u64; 0]);
    let some = vec![calls[0].sequence, calls[2].sequence, 7, calls[0].sequence];
    assert_eq!(found(Letters::Ids(some)).await, [calls[0].sequence, calls[2].sequence]);
}

pub async fn the_oldest_letters_go_beyond_the_bound(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    fixture.push(vec![sent("three")]).await;
    let third = fixture.claim(messages()).await;
    let settled = vec![(third[0].clone(), death())];
    assert_eq!(fixture.queue.settle(&fixture.app, messages(), settled, 2).await.unwrap(), 1);
    let ids: Vec<u64> = all(fixture).await.iter().map(|letter| letter.id).collect();
    assert_eq!(ids, [third[0].sequence, calls[1].sequence]);
}

pub async fn a_revived_letter_is_a_call_again(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    let ids = Letters::Ids(vec![calls[0].sequence]);
    assert_eq!(fixture.queue.revive(&fixture.app, &ids, 10).await.unwrap(), 1);
    assert_eq!(fixture.queue.revive(&fixture.app, &ids, 10).await.unwrap(), 0);
    let claimed = fixture.claim(messages()).await;
    assert_eq!(in_short(&claimed), ["one"]);
    let call = &claimed[0];
    assert_eq!((call.sequence, call.attempts, call.queued_at), (calls[0].sequence, 0, fixture.now()));
    assert_eq!(call.remote_address, calls[0].remote_address);
    assert_eq!(all(fixture).await.len(), 1);
    fixture.settle(call, Fate::Done).await;
    assert_eq!(fixture.queue.backlog().await.unwrap(), []);
}

pub async fn no_more_letters_are_revived_than_fit(fixture: &Fixture) {
    fixture.dead(&["one", "two", "three"]).await;
    fixture.push(vec![sent("four")]).await;
    assert_eq!(fixture.queue.revive(&fixture.app, &ALL, 3).await.unwrap(), 2);
    assert_eq!(all(fixture).await.len(), 1);
    assert_eq!(fixture.queue.push(&fixture.app, vec![sent("five")], 3).await.unwrap(), 1);
}

pub async fn discarded_letters_are_gone(fixture: &Fixture) {
    let calls = fixture.dead(&["one", "two"]).await;
    let ids = Letters::Ids(vec![calls[0].sequence, 7]);
    assert_eq!(fixture.queue.discard(&fixture.app, &ids).await.unwrap(), 1);
    assert_eq!(fixture.queue.discard(&fixture.app, &ALL).await.unwrap(), 1);
    assert_eq!(all(fixture).await, []);
    assert_eq!(fixture.queue.revive(&fixture.app, &ALL, 10).await.unwrap(), 0);
}
