//! What clients see of service conversations (S-71), and what they have not read of it.

use std::time::Duration;

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{
    AppendedMessage, Conversation, ConversationQuery, Direction, HistoryBound, HistoryQuery, MembershipRequest,
    MessageBody, NewMessage, SUBSCRIPTIONS_REMEMBERED, UnreadConversation,
};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, MANY, START, asked, clients, message, object};
use crate::subscriptions::service;

/// A client id that neither a text of PostgreSQL nor a pattern takes easily.
const ODD: &str = "je\0rry\",\"";

async fn subscribe(fixture: &Fixture, service: &Conversation, client: &str) {
    let request = MembershipRequest { by: ClientId::new(client), ..asked(&[client]) };
    fixture.store.subscribe(&fixture.app, &service.id, &request, MANY, None).await.unwrap().unwrap();
}

async fn unsubscribe(fixture: &Fixture, service: &Conversation, client: &str) {
    let client = ClientId::new(client);
    fixture.store.unsubscribe(&fixture.app, &service.id, &client, None).await.unwrap().unwrap();
}

/// To these; to nobody: from `from` to the service; absent: to all subscribers.
async fn send(
    fixture: &Fixture,
    service: &Conversation,
    from: &str,
    to: Option<&[&str]>,
    text: &str,
) -> AppendedMessage {
    fixture.append(NewMessage { receivers: to.map(clients), ..message(&service.id, from, text) }).await.unwrap()
}

fn all() -> HistoryQuery {
    HistoryQuery { start: None, end: None, direction: Direction::Old, limit: 100, message_type: None }
}

async fn seen(fixture: &Fixture, service: &Conversation, client: &str, query: HistoryQuery) -> Vec<String> {
    let client = ClientId::new(client);
    let found = fixture.store.view(&fixture.app, &service.id, &client, &query).await.unwrap();
    let text = |body| match body {
        MessageBody::Text(text) => text,
        MessageBody::Binary(_) => panic!("no binary message was sent"),
    };
    found.into_iter().map(|message| text(message.body)).collect()
}

async fn unread(fixture: &Fixture, client: &str) -> Vec<UnreadConversation> {
    fixture.store.unread(&fixture.app, &ClientId::new(client), None).await.unwrap()
}

async fn count(fixture: &Fixture, client: &str) -> u32 {
    unread(fixture, client).await.iter().map(|unread| unread.count).sum()
}

pub async fn a_view_has_what_was_sent_by_and_to_a_client_while_it_subscribed(fixture: &Fixture) {
    let (news, other) = (service(fixture).await, service(fixture).await);
    send(fixture, &news, "News", None, "before").await;
    subscribe(fixture, &news, ODD).await;
    send(fixture, &news, "News", None, "a").await;
    send(fixture, &news, ODD, Some(&[]), "b").await;
    send(fixture, &news, "tom", Some(&[]), "of tom").await;
    unsubscribe(fixture, &news, ODD).await;
    send(fixture, &news, "News", None, "between").await;
    send(fixture, &news, "News", Some(&["tom", ODD]), "c").await;
    subscribe(fixture, &news, ODD).await;
    send(fixture, &news, "News", None, "d").await;
    send(fixture, &other, "Other", None, "elsewhere").await;
    assert_eq!(seen(fixture, &news, ODD, all()).await, ["a", "b", "c", "d"]);
    assert_eq!(seen(fixture, &news, "tom", all()).await, ["of tom", "c"]);
    assert!(seen(fixture, &news, "News", all()).await.is_empty() && seen(fixture, &other, ODD, all()).await.is_empty());
    // Twice at the same time of messages: the period is one.
    for _ in 0..2 {
        unsubscribe(fixture, &news, ODD).await;
        subscribe(fixture, &news, ODD).await;
    }
    assert_eq!(seen(fixture, &news, ODD, all()).await, ["a", "b", "c", "d"]);
}

/// P-92: message `n` has the time `START + n`.
pub async fn a_view_is_read_in_parts(fixture: &Fixture) {
    let news = service(fixture).await;
    subscribe(fixture, &news, "tom").await;
    let mut sent = Vec::new();
    for number in 0..12 {
        let to: Option<&[&str]> = [None, Some(&["tom"][..]), Some(&["jerry"])][number % 3];
        let text = if number % 4 == 0 { json!({ "_lctype": 7, "n": number }).to_string() } else { number.to_string() };
        sent.push(send(fixture, &news, "News", to, &text).await);
    }
    let bound = |number: usize, included, with_id: bool| {
        let AppendedMessage { id, timestamp, .. } = &sent[number];
        Some(HistoryBound { timestamp: *timestamp, id: with_id.then(|| id.clone()), included })
    };
    use Direction::{New, Old};
    for (direction, start, end, limit, expected) in [
        (Old, None, None, 3, &["7", "9", "10"][..]),
        (New, bound(1, false, false), None, 2, &["3", "{\"_lctype\":7,\"n\":4}"]),
        (Old, bound(7, false, false), bound(3, false, false), 10, &["{\"_lctype\":7,\"n\":4}", "6"]),
        (Old, bound(7, true, false), bound(6, true, false), 10, &["6", "7"]),
        (Old, bound(7, true, true), None, 2, &["6", "7"]),
        (Old, bound(7, false, true), None, 2, &["{\"_lctype\":7,\"n\":4}", "6"]),
        (New, bound(6, false, true), None, 2, &["7", "9"]),
        (Old, None, None, 0, &[]),
    ] {
        let query = HistoryQuery { start, end, direction, limit, message_type: None };
        let context = format!("{query:?}");
        assert_eq!(seen(fixture, &news, "tom", query).await, expected, "{context}");
    }
    let typed = HistoryQuery { message_type: Some(7), ..all() };
    assert_eq!(seen(fixture, &news, "tom", typed.clone()).await.len(), 2, "0 and 4; 8 was for Jerry");
    assert_eq!(seen(fixture, &news, "tom", HistoryQuery { limit: 1, ..typed }).await, ["{\"_lctype\":7,\"n\":4}"]);
    let far = Some(HistoryBound { timestamp: Timestamp(i64::MAX), id: None, included: true });
    assert_eq!(seen(fixture, &news, "tom", HistoryQuery { start: far, limit: 1, ..all() }).await, ["10"]);
}

pub async fn what_is_unread_of_a_view_is_told_with_the_rest(fixture: &Fixture) {
    let news = service(fixture).await;
    let group = fixture.create(&["tom", ODD], json!({})).await;
    subscribe(fixture, &news, ODD).await;
    send(fixture, &news, "News", None, "one").await;
    let mention = NewMessage { mentions: clients(&[ODD]), ..message(&news.id, "News", "two") };
    let two = fixture.append(mention).await.unwrap();
    send(fixture, &news, ODD, Some(&[]), "own").await;
    let last = send(fixture, &news, "tom", Some(&[]), "not for jerry").await;
    fixture.advance(Duration::from_secs(1));
    fixture.say(&group, "hi").await;
    assert_eq!((count(fixture, "butch").await, count(fixture, "News").await), (0, 0));
    let [in_group, in_view] = unread(fixture, ODD).await.try_into().unwrap();
    assert_eq!((in_group.conversation, in_group.count), (group.id.clone(), 1), "the newest first");
    assert_eq!((in_view.count, in_view.is_mentioned), (2, true));
    assert_eq!(in_view.last_message.as_ref().map(|message| message.id.clone()), Some(two.id.clone()));
    assert_eq!((in_view.counted_until, in_view.last_sequence), (last.timestamp, last.sequence));

    let read = async |until| {
        let read = vec![(news.id.clone(), until)];
        fixture.store.mark_read(&fixture.app, &ClientId::new(ODD), read).await.unwrap().pop()
    };
    let marked = read(two.timestamp).await.unwrap();
    assert_eq!((marked.conversation, marked.newest, marked.last_sequence), (news.id.clone(), None, last.sequence));
    assert!(read(two.timestamp).await.is_none(), "it had read as far before");
    let odd = ClientId::new(ODD);
    let now = fixture.store.unread_in(&fixture.app, &odd, &news.id).await.unwrap().unwrap();
    assert_eq!((now.count, now.is_mentioned), (0, false));
    assert!(fixture.store.unread_in(&fixture.app, &ClientId::new("butch"), &news.id).await.unwrap().is_none());
    // The clock of a client may be ahead.
    assert!(read(Timestamp(i64::MAX)).await.is_some());
    send(fixture, &news, "News", Some(&[ODD, "butch"]), "three").await;
    assert_eq!((count(fixture, ODD).await, count(fixture, "butch").await), (2, 1));
    unsubscribe(fixture, &news, ODD).await;
    assert_eq!(count(fixture, ODD).await, 1, "that of the group (S-104)");
    for _ in 0..110 {
        send(fixture, &news, "News", Some(&["butch"]), "many").await;
    }
    assert_eq!(count(fixture, "butch").await, 100, "S-67");
}

/// P-101.
pub async fn a_view_that_changed_since_a_time_is_told_also_when_all_is_read(fixture: &Fixture) {
    let news = service(fixture).await;
    let tom = ClientId::new("tom");
    subscribe(fixture, &news, "tom").await;
    let sent = send(fixture, &news, "News", None, "one").await;
    fixture.advance(Duration::from_secs(60));
    send(fixture, &news, "jerry", Some(&[]), "not for tom").await;
    let since = async |at: Timestamp| {
        let told = fixture.store.unread(&fixture.app, &tom, Some(at)).await.unwrap();
        told.iter().map(|unread| unread.count).collect::<Vec<_>>()
    };
    assert_eq!(since(START).await, [1]);
    assert!(since(fixture.now()).await.is_empty());
    let read = vec![(news.id.clone(), sent.timestamp)];
    fixture.store.mark_read(&fixture.app, &tom, read).await.unwrap();
    assert_eq!(since(fixture.now()).await, [0], "another device has read it");
}

pub async fn so_many_subscriptions_of_a_client_are_remembered(fixture: &Fixture) {
    let news = service(fixture).await;
    for number in 0..SUBSCRIPTIONS_REMEMBERED + 5 {
        subscribe(fixture, &news, "tom").await;
        send(fixture, &news, "News", None, &number.to_string()).await;
        unsubscribe(fixture, &news, "tom").await;
        send(fixture, &news, "News", None, "between").await;
    }
    let expected: Vec<String> = (5..SUBSCRIPTIONS_REMEMBERED + 5).map(|number| number.to_string()).collect();
    assert_eq!(seen(fixture, &news, "tom", all()).await, expected);
}

pub async fn messages_of_many_views_at_the_same_time_are_all_there(fixture: &Fixture) {
    let (news, group) = (service(fixture).await, fixture.create(&["tom"], json!({})).await);
    let names: Vec<String> = (0..8).map(|number| format!("client {number}")).collect();
    let sending = names.iter().map(|name| async {
        send(fixture, &news, name, Some(&[]), name).await;
        send(fixture, &news, "News", Some(&[name, "tom"]), name).await;
        fixture.append(message(&group.id, "tom", name)).await.unwrap();
    });
    futures::future::join_all(sending).await;
    for name in &names {
        assert_eq!(seen(fixture, &news, name, all()).await, [name.clone(), name.clone()]);
    }
    assert_eq!((seen(fixture, &news, "tom", all()).await.len(), count(fixture, "tom").await), (8, 8));
}

/// Those that have muted, and all subscriptions of a client.
pub async fn subscriptions_are_found_for_pushes_and_log_ins(fixture: &Fixture) {
    let (news, other) = (service(fixture).await, service(fixture).await);
    for client in ["tom", ODD] {
        subscribe(fixture, &news, client).await;
    }
    subscribe(fixture, &other, ODD).await;
    let (store, app, odd) = (&fixture.store, &fixture.app, ClientId::new(ODD));
    store.mute_subscription(app, &news.id, &odd, true).await.unwrap();
    let asked = clients(&["tom", ODD, "butch"]);
    assert_eq!(store.muted_subscribers(app, &news.id, &asked).await.unwrap(), clients(&[ODD]));
    assert!(store.muted_subscribers(app, &other.id, &asked).await.unwrap().is_empty());
    let mut subscribed = store.subscribed(app, &odd).await.unwrap();
    subscribed.sort();
    let mut expected = vec![news.id, other.id];
    expected.sort();
    assert_eq!(subscribed, expected);
}

/// S-69.
pub async fn deleted_messages_are_in_no_view(fixture: &Fixture) {
    let news = service(fixture).await;
    subscribe(fixture, &news, "tom").await;
    for number in 0..3 {
        send(fixture, &news, "News", None, &number.to_string()).await;
        send(fixture, &news, "News", Some(&["tom"]), &number.to_string()).await;
    }
    fixture.advance(Duration::from_secs(60));
    let before = fixture.now();
    send(fixture, &news, "News", None, "new").await;
    assert!(!fixture.store.delete_messages_before(&fixture.app, &news.id, before).await.unwrap());
    let oldest_first = HistoryQuery { direction: Direction::New, limit: 1, ..all() };
    assert_eq!(seen(fixture, &news, "tom", oldest_first).await, ["new"]);
    assert_eq!(count(fixture, "tom").await, 1);
    fixture.advance(Duration::from_secs(60));
    let since = fixture.now();
    assert!(!fixture.store.delete_conversation_idle_since(&fixture.app, &news.id, since).await.unwrap());
    assert!(fixture.store.subscribed(&fixture.app, &ClientId::new("tom")).await.unwrap().is_empty());
    assert_eq!(count(fixture, "tom").await, 0);
}

/// S-15, S-71: the last message of a row is that of the asking client's view.
pub async fn a_query_shows_the_last_message_of_the_view(fixture: &Fixture) {
    let (news, silent) = (service(fixture).await, service(fixture).await);
    subscribe(fixture, &news, ODD).await;
    fixture.advance(Duration::from_secs(1));
    send(fixture, &news, "News", None, "for all").await;
    send(fixture, &news, "tom", Some(&[]), "of tom").await;
    let last = async |client: &str, with_last_message| {
        let filter = object(json!({ "sys": true }));
        let query = ConversationQuery { filter, limit: 10, with_last_message, ..ConversationQuery::default() };
        let client = ClientId::new(client);
        let found = fixture.store.find_conversations(&fixture.app, &client, &query).await.unwrap();
        let [of_news, of_silent] = found.try_into().unwrap();
        assert_eq!((&of_news.conversation.id, &of_silent.conversation.id), (&news.id, &silent.id));
        assert!(of_silent.last_message.is_none());
        of_news.last_message.map(|message| message.body)
    };
    let text = |text: &str| Some(MessageBody::Text(text.to_owned()));
    assert_eq!((last(ODD, true).await, last("tom", true).await), (text("for all"), text("of tom")));
    assert_eq!((last("butch", true).await, last(ODD, false).await), (None, None));
}
