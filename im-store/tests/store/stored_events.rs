use std::collections::BTreeSet;
use std::time::Duration;

use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{Conversation, EventRange, MembershipRequest, NewMessage, StoredEvent, StoredEvents};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START, asked, clients, message};

const ALL: EventRange = EventRange { after: 0, since: Timestamp(0), limit: 100 };

async fn events(fixture: &Fixture, conversation: &Conversation, range: EventRange) -> StoredEvents {
    fixture.store.stored_events(&fixture.app, &conversation.id, range).await.unwrap().unwrap()
}

/// Each event in short, with its number.
fn in_short(events: &StoredEvents) -> Vec<String> {
    let short = |event: &StoredEvent| match event {
        StoredEvent::Message { message, receivers: None } => format!("{} {:?}", message.sequence, message.body),
        StoredEvent::Message { message, receivers: Some(receivers) } => {
            format!("{} {:?} to {receivers:?}", message.sequence, message.body)
        }
        StoredEvent::MembersChanged(change) => {
            let verb = if change.is_join { "joined" } else { "left" };
            format!("{} {:?} {verb} by {}", change.sequence, change.members, change.by)
        }
    };
    events.events.iter().map(short).collect()
}

fn members(events: &StoredEvents) -> BTreeSet<ClientId> {
    events.members.iter().cloned().collect()
}

async fn add(fixture: &Fixture, conversation: &Conversation, members: &[&str]) {
    let request = MembershipRequest { by: ClientId::new("anna"), ..asked(members) };
    fixture.store.add_members(&fixture.app, &conversation.id, &request, 500, None).await.unwrap().unwrap();
}

async fn remove(fixture: &Fixture, conversation: &Conversation, members: &[&str]) {
    fixture.store.remove_members(&fixture.app, &conversation.id, &asked(members), None).await.unwrap().unwrap();
}

/// A creation, messages to all and to some, and changes of members.
async fn scene(fixture: &Fixture) -> Conversation {
    let conversation = fixture.create(&["tom", "anna"], json!({})).await;
    fixture.say(&conversation, "hi").await;
    add(fixture, &conversation, &["tom", "jer\0ry", "butch"]).await;
    let narrowed = NewMessage {
        members_sequence: 3,
        receivers: Some(clients(&["butch"])),
        ..message(&conversation.id, "tom", "psst")
    };
    fixture.append(narrowed).await.unwrap();
    fixture.advance(Duration::from_secs(1));
    remove(fixture, &conversation, &["anna", "absent"]).await;
    fixture.say(&conversation, "bye").await;
    conversation
}

const EVENTS: [&str; 6] = [
    r#"1 ["anna", "tom"] joined by tom"#,
    r#"2 Text("hi")"#,
    r#"3 ["jer\0ry", "butch"] joined by anna"#,
    r#"4 Text("psst") to ["butch"]"#,
    r#"5 ["anna"] left by tom"#,
    r#"6 Text("bye")"#,
];

pub async fn what_happened_in_a_conversation_is_read_in_its_order(fixture: &Fixture) {
    let conversation = scene(fixture).await;
    let other = fixture.create(&["tom"], json!({})).await;
    fixture.say(&other, "elsewhere").await;
    let all = events(fixture, &conversation, ALL).await;
    assert_eq!(in_short(&all), EVENTS);
    assert_eq!(members(&all), clients(&["butch", "jer\0ry", "tom"]).into_iter().collect());
    assert_eq!(all.last_sequence, 6);
    let StoredEvent::MembersChanged(change) = &all.events[4] else { panic!("a change of members") };
    assert_eq!(change.changed_at, Timestamp(START.0 + 1000));
    let unknown = fixture.store.stored_events(&fixture.app, &ConversationId::generate(), ALL).await.unwrap();
    assert_eq!(unknown, None);
}

pub async fn events_after_a_number_and_not_before_a_time(fixture: &Fixture) {
    let conversation = scene(fixture).await;
    for after in 0..=6 {
        let found = events(fixture, &conversation, EventRange { after, ..ALL }).await;
        assert_eq!(in_short(&found), EVENTS[usize::try_from(after).unwrap()..]);
        assert_eq!(members(&found), clients(&["butch", "jer\0ry", "tom"]).into_iter().collect());
    }
    assert!(events(fixture, &conversation, EventRange { after: 9, ..ALL }).await.events.is_empty());
    let late = EventRange { since: Timestamp(START.0 + 1000), ..ALL };
    assert_eq!(in_short(&events(fixture, &conversation, late).await), EVENTS[4..]);
}

pub async fn a_page_of_events_comes_with_the_members_at_its_end(fixture: &Fixture) {
    let conversation = scene(fixture).await;
    let expected: [(usize, &[&str]); 6] = [
        (1, &["anna", "tom"]),
        (2, &["anna", "tom"]),
        (3, &["anna", "butch", "jer\0ry", "tom"]),
        (4, &["anna", "butch", "jer\0ry", "tom"]),
        (5, &["butch", "jer\0ry", "tom"]),
        (6, &["butch", "jer\0ry", "tom"]),
    ];
    for (limit, then) in expected {
        let page = events(fixture, &conversation, EventRange { limit, ..ALL }).await;
        assert_eq!(in_short(&page), EVENTS[..limit]);
        assert_eq!(members(&page), clients(then).into_iter().collect(), "after {limit} events");
        assert_eq!(page.last_sequence, 6);
    }
    let page = events(fixture, &conversation, EventRange { after: 2, limit: 2, ..ALL }).await;
    assert_eq!(in_short(&page), EVENTS[2..4]);
    assert_eq!(members(&page), clients(&["anna", "butch", "jer\0ry", "tom"]).into_iter().collect());
}

pub async fn changes_of_members_are_gone_after_some_days(fixture: &Fixture) {
    let conversation = scene(fixture).await;
    fixture.advance(Duration::from_hours(8 * 24));
    assert_eq!(in_short(&events(fixture, &conversation, ALL).await), EVENTS, "as long as nothing is written");
    add(fixture, &conversation, &["anna"]).await;
    let left = in_short(&events(fixture, &conversation, ALL).await);
    assert_eq!(left, [EVENTS[1], EVENTS[3], EVENTS[5], r#"7 ["anna"] joined by anna"#], "messages stay");
}

pub async fn an_answer_begins_where_the_changes_of_members_are_known(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    fixture.say(&conversation, "hi").await;
    for _ in 0..500 {
        add(fixture, &conversation, &["jerry"]).await;
        remove(fixture, &conversation, &["jerry"]).await;
    }
    let range = EventRange { limit: 2000, ..ALL };
    let found = events(fixture, &conversation, range).await;
    assert_eq!((found.events.len(), found.events[0].sequence()), (1000, 3), "without the message and the creation");
}
