//! Two IM cores on one PostgreSQL, with a bus between them that loses and reorders.

mod bus;
mod node;
mod rooms;
mod services;
mod shared_presence;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, select_all};
use hookd_im_core::conversations::{self, RestrictionChange};
use hookd_im_core::delivery::Event;
use hookd_im_core::error::Code;
use hookd_im_core::ids::{ConversationId, DeviceId, MessageId};
use hookd_im_core::messages::{self, SendMessage};
use hookd_im_core::presence::{Ending, Login};
use hookd_im_core::store::{Direction, HistoryBound, HistoryQuery, Restriction, StoredMessage};

use self::node::{Client, LONG_LEASE, Node, Shared};
use crate::world::{ADDRESS, basic, code, ids, in_short, message};

/// Messages of each client in each conversation.
const MESSAGES: usize = 15;

async fn two(seed: u64) -> (Shared, Arc<Node>, Arc<Node>) {
    let shared = Shared::new(seed);
    let (one, other) = (Node::start(&shared, 0).await, Node::start(&shared, 1).await);
    (shared, one, other)
}

async fn conversation(creator: &Client, others: &[&str]) -> ConversationId {
    let new = basic(others);
    let created = conversations::start(&creator.node.core, &creator.request(), new).await.unwrap();
    created.conversation.id
}

async fn say(client: &Client, message: SendMessage) -> MessageId {
    messages::send(&client.node.core, &client.request(), message).await.unwrap().id
}

/// All messages of a conversation, oldest first.
async fn history(node: &Node, conversation: &ConversationId) -> Vec<StoredMessage> {
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let start = all.last().map(|last| HistoryBound {
            timestamp: last.timestamp,
            id: Some(last.id.clone()),
            included: false,
        });
        let query = HistoryQuery { start, end: None, direction: Direction::New, limit: 100, message_type: None };
        let page = node.store.history(&crate::world::app("demo").id, conversation, &query).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// The messages of a conversation that a session got.
fn received(events: &[Event], conversation: &ConversationId) -> Vec<MessageId> {
    let message = |event: &Event| match event {
        Event::Message(message) if message.conversation == *conversation && !message.transient => {
            Some(message.id.clone())
        }
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

/// What a session got about members, and texts.
fn news(client: &Client) -> Vec<String> {
    client.events().iter().map(in_short).collect()
}

async fn each_message_comes_once_and_in_order(seed: u64) {
    let (shared, one, other) = two(seed).await;
    let clients = [
        one.log_in("tom").await,
        other.log_in("tom").await,
        one.log_in("jerry").await,
        other.log_in("spike").await,
        other.log_in("butch").await,
    ];
    let mut conversations = Vec::new();
    for creator in [&clients[0], &clients[3], &clients[4]] {
        conversations.push(conversation(creator, &["tom", "jerry", "spike", "butch"]).await);
    }
    let talking =
        clients.iter().flat_map(|client| conversations.iter().map(move |conversation| (client, conversation)));
    let sent = join_all(talking.clone().map(|(client, conversation)| async move {
        let mut sent = HashSet::new();
        for number in 0..MESSAGES {
            let text = format!("{} {number}", client.id());
            sent.insert(say(client, message(conversation, &text)).await);
            // Typing, which is not stored.
            say(client, SendMessage { transient: true, ..message(conversation, "…") }).await;
        }
        sent
    }));
    let sent: Vec<HashSet<MessageId>> = sent.await;
    for ((client, conversation), own) in talking.zip(sent) {
        let all: Vec<MessageId> = history(&one, conversation).await.into_iter().map(|message| message.id).collect();
        assert_eq!(all.len(), clients.len() * MESSAGES);
        let expected: Vec<MessageId> = all.into_iter().filter(|id| !own.contains(id)).collect();
        client.gets("all messages", |events| received(events, conversation).len() >= expected.len()).await;
        shared.bus.is_empty().await;
        assert_eq!(received(&client.events(), conversation), expected, "seed {seed}, {}", client.id());
        let joined = |event: &&Event| matches!(event, Event::Joined(change) if change.conversation == *conversation);
        assert_eq!(client.events().iter().filter(joined).count(), 1, "seed {seed}");
    }
    let counts = shared.bus.counts();
    assert!(counts.dropped * 20 > counts.carried, "{counts:?}: a tenth is to be lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_comes_once_and_in_order_at_each_session() {
    for seed in [1, 2, 3, 4] {
        each_message_comes_once_and_in_order(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_get_what_is_theirs() {
    for seed in [11, 12, 13] {
        let (shared, one, other) = two(seed).await;
        let (tom, jerry, spike) = (one.log_in("tom").await, other.log_in("jerry").await, other.log_in("spike").await);
        let conversation = conversation(&tom, &["jerry"]).await;
        let mut of_spike = Vec::new();
        for round in 0..10 {
            say(&tom, message(&conversation, &format!("without {round}"))).await;
            conversations::add(&one.core, &tom.request(), &conversation, ids(&["spike"])).await.unwrap();
            of_spike.push("joined by tom".to_owned());
            of_spike.push("members_joined spike by tom".to_owned());
            say(&jerry, message(&conversation, &format!("with {round}"))).await;
            say(&tom, message(&conversation, &format!("too {round}"))).await;
            of_spike.push(format!("jerry says with {round}"));
            of_spike.push(format!("tom says too {round}"));
            conversations::remove(&other.core, &jerry.request(), &conversation, ids(&["spike"])).await.unwrap();
            of_spike.push("left by jerry".to_owned());
            let late = messages::send(&other.core, &spike.request(), message(&conversation, "me too")).await;
            assert_eq!(code(late), Code::InvalidMessagingTarget);
        }
        say(&jerry, message(&conversation, "the end")).await;
        tom.gets("the end", |events| events.iter().any(|event| in_short(event) == "jerry says the end")).await;
        spike.gets("its last event", |events| events.len() >= of_spike.len()).await;
        shared.bus.is_empty().await;
        assert_eq!(news(&spike), of_spike, "seed {seed}");
        assert!(history(&one, &conversation).await.len() == 31);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_another_core_removed_has_left_at_once() {
    for seed in [21, 22, 23] {
        let (shared, one, other) = two(seed).await;
        let (tom, jerry) = (one.log_in("tom").await, other.log_in("jerry").await);
        let conversation = conversation(&tom, &["jerry"]).await;
        // Jerry talks while it is removed.
        let talking = async {
            for number in 0.. {
                let sent =
                    messages::send(&other.core, &jerry.request(), message(&conversation, &number.to_string())).await;
                if sent.is_err() {
                    return (number, code(sent));
                }
            }
            unreachable!("it ends");
        };
        let removing = async {
            tom.gets("some messages", |events| received(events, &conversation).len() > 10).await;
            conversations::remove(&one.core, &tom.request(), &conversation, ids(&["jerry"])).await.unwrap();
            say(&tom, message(&conversation, "alone")).await;
        };
        let ((stored, refused), ()) = tokio::join!(talking, removing);
        assert_eq!(refused, Code::InvalidMessagingTarget);
        let all = history(&one, &conversation).await;
        assert_eq!(all.len(), stored + 1, "what was acknowledged is stored, and nothing else");
        assert_eq!(all.last().map(|last| last.from.as_str()), Some("tom"));
        jerry.gets("its end", |events| events.iter().any(|event| matches!(event, Event::Left(_)))).await;
        tom.gets("all messages", |events| received(events, &conversation).len() >= stored).await;
        shared.bus.is_empty().await;
        assert_eq!(received(&tom.events(), &conversation).len(), stored);
        assert_eq!(news(&jerry).last().map(String::as_str), Some("left by tom"));
    }
}

/// P-103: what one core writes, the transaction of the other one sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_another_core_silenced_is_silent_at_once() {
    let (shared, one, other) = two(51).await;
    let (tom, jerry) = (one.log_in("tom").await, other.log_in("jerry").await);
    let conversation = conversation(&tom, &["jerry"]).await;
    // Jerry talks while it is silenced.
    let talking = async {
        for number in 0.. {
            let sent = messages::send(&other.core, &jerry.request(), message(&conversation, &number.to_string())).await;
            if sent.is_err() {
                return (number, code(sent));
            }
        }
        unreachable!("it ends");
    };
    let silencing = async {
        tom.gets("some messages", |events| received(events, &conversation).len() > 10).await;
        let silence = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
        let asked = ids(&["jerry"]);
        conversations::change_restriction(&one.core, &tom.request(), &conversation, silence, asked).await.unwrap();
        say(&tom, message(&conversation, "alone")).await;
    };
    let ((stored, refused), ()) = tokio::join!(talking, silencing);
    assert_eq!(refused, Code::Silenced);
    let all = history(&one, &conversation).await;
    assert_eq!(all.len(), stored + 1, "what was acknowledged is stored, and nothing else");
    assert_eq!(all.last().map(|last| last.from.as_str()), Some("tom"));
    shared.bus.is_empty().await;
    jerry.gets("the last message", |events| events.iter().any(|event| in_short(event) == "tom says alone")).await;
}

/// S-51: the device comes back on another node, and the first one learns of it. The bus may lose what is not stored, so only
/// members on the first node get the will for certain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_will_of_a_session_that_is_replaced_on_another_core_is_delivered_once() {
    let (shared, one, other) = two(61).await;
    let tom = one.log_in_with_tag("tom", "phone", "mobile").await;
    let jerry = one.log_in("jerry").await;
    let conversation = conversation(&tom, &["jerry"]).await;
    let will = messages::set_will(&one.core, &tom.request(), message(&conversation, "gone")).await.unwrap();
    other.log_in_with_tag("tom", "phone", "mobile").await;
    shared.bus.is_empty().await;
    // The notice may have been lost.
    for will in one.lifecycle.renew_lease(&one.core, LONG_LEASE).await.unwrap() {
        messages::deliver_will(&one.core, will).await;
    }
    jerry.gets("the will", |events| events.iter().any(|event| in_short(event) == "tom says gone")).await;
    let events = jerry.events();
    let messages = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(&message.id),
        _ => None,
    });
    assert_eq!(messages.collect::<Vec<_>>(), [&will.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_conflict_is_seen_across() {
    for seed in [31, 32, 33, 34] {
        let (shared, one, other) = two(seed).await;
        for node in [&one, &other] {
            node.engine.reply("_clientOffline", "null");
        }
        let old = one.log_in_with_tag("tom", "phone", "mobile").await;
        let new = other.log_in_with_tag("tom", "tablet", "mobile").await;
        // What a server does from time to time: the notice may have been lost.
        shared.bus.is_empty().await;
        one.lifecycle.renew_lease(&one.core, LONG_LEASE).await.unwrap();
        old.gets("its end", |events| {
            events.iter().any(|event| matches!(event, Event::SessionClosed { code: Code::SessionConflict, .. }))
        })
        .await;
        assert_eq!(news(&old), ["closed 4111"], "seed {seed}");
        assert!(old.session.has_ended());
        assert!(!new.session.has_ended());
        // The displaced device does not come back (P-54), also on the other core.
        let back = Login {
            client: Some(old.id().clone()),
            device: Some(DeviceId::new("phone")),
            tag: Some("mobile".to_owned()),
            reconnect: Some(true),
            token: Some(old.token.clone()),
            ..Login::default()
        };
        for node in [&one, &other] {
            assert_eq!(code(node.try_log_in(back.clone()).await), Code::SessionConflict);
        }
        // The same device again is no conflict.
        let again = one.log_in_with_tag("tom", "tablet", "mobile").await;
        other.lifecycle.renew_lease(&other.core, LONG_LEASE).await.unwrap();
        shared.bus.is_empty().await;
        assert!(new.session.has_ended());
        assert!(news(&new).is_empty(), "it is replaced silently");
        assert!(!again.session.has_ended());
        // Either makes them: they are in one table.
        assert_eq!(calls_of(&[&one, &other], "_clientOffline", 2).await.len(), 2);
    }
}

/// Waits for so many calls of a hook, by any of these nodes.
async fn calls_of(nodes: &[&Node], hook: &str, wanted: usize) -> Vec<serde_json::Value> {
    let waiting = async {
        loop {
            let next = select_all(nodes.iter().map(|node| node.engine.next_call()));
            let calls: Vec<serde_json::Value> = nodes.iter().flat_map(|node| node.engine.calls_of(hook)).collect();
            if calls.len() >= wanted {
                return calls;
            }
            next.await.0.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sessions_of_a_core_that_was_killed_end_once() {
    const LEASE: Duration = Duration::from_secs(2);
    let (_shared, one, other) = two(41).await;
    for node in [&one, &other] {
        for hook in ["_clientOffline", "_clientOnline", "_messageSent"] {
            node.engine.reply(hook, "null");
        }
    }
    let (tom, jerry) = (one.log_in("tom").await, other.log_in("jerry").await);
    let conversation = conversation(&jerry, &["tom"]).await;
    say(&jerry, message(&conversation, "hi")).await;
    assert_eq!(calls_of(&[&other], "_messageSent", 1).await[0]["onlinePeers"], serde_json::json!(["tom"]));
    assert!(one.store.renew_lease(&one.core.node, LEASE).await.unwrap());
    one.lifecycle.renew_lease(&one.core, LEASE).await.unwrap();
    one.kill();
    assert_eq!(other.store.end_lost_nodes(&other.core.node).await.unwrap(), 0, "its lease is not over");
    let lease_is_over = async { while other.store.end_lost_nodes(&other.core.node).await.unwrap() == 0 {} };
    tokio::time::timeout(LEASE * 10, lease_is_over).await.unwrap();
    for _ in 0..3 {
        other.lifecycle.renew_lease(&other.core, LONG_LEASE).await.unwrap();
        other.core.hooks.notifications().resume().await;
        assert_eq!(other.store.end_lost_nodes(&other.core.node).await.unwrap(), 0, "it was ended");
    }
    let calls = calls_of(&[&other], "_clientOffline", 1).await;
    assert_eq!((&calls[0]["peerId"], &calls[0]["closeCode"]), (&"tom".into(), &2.into()));
    let are_online = other.core.presence.are_online(&tom.request().app.id, &ids(&["tom", "jerry"])).await;
    assert_eq!(are_online, [false, true]);
    say(&jerry, message(&conversation, "where are you?")).await;
    assert_eq!(calls_of(&[&other], "_messageSent", 2).await[1]["offlinePeers"], serde_json::json!(["tom"]));
    // Tom comes back, and leaves: that is the second end.
    let back = other.log_in("tom").await;
    let app = back.request().app;
    let ended = other.lifecycle.end(&other.core, &app, &back.session, Ending::LoggedOut, None);
    ended.kept(&other.core, &app.id).await.unwrap();
    let calls = calls_of(&[&other], "_clientOffline", 2).await;
    assert_eq!(calls.iter().map(|call| call["closeCode"].clone()).collect::<Vec<_>>(), [2, 1]);
    assert!(one.engine.calls_of("_clientOffline").is_empty());
}

/// S-36: a client may be online on any of the nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kick_on_one_core_ends_the_sessions_on_the_other() {
    let (_shared, one, other) = two(43).await;
    other.engine.reply("_clientOffline", "null");
    let tom = other.log_in("tom").await;
    let app = tom.request().app;
    // The bus may lose what it carries.
    for _ in 0..5 {
        let kicking = one.lifecycle.kick(&one.core, &app, &tom.session.client, ("", ADDRESS.parse().unwrap()));
        kicking.await.unwrap();
    }
    let calls = calls_of(&[&other], "_clientOffline", 1).await;
    assert_eq!((&calls[0]["peerId"], &calls[0]["closeCode"]), (&"tom".into(), &4.into()));
    assert!(tom.session.has_ended());
}

/// S-33.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_on_one_core_counts_on_the_other() {
    let (_shared, one, other) = two(44).await;
    other.engine.reply("_clientOffline", "null");
    let tom = other.log_in("tom").await;
    let (app, client) = (tom.request().app, &tom.session.client);
    // The bus may lose what it carries.
    for _ in 0..5 {
        one.lifecycle.ban(&one.core, &app, client, (None, ADDRESS.parse().unwrap())).await.unwrap();
    }
    let calls = calls_of(&[&other], "_clientOffline", 1).await;
    assert_eq!((&calls[0]["peerId"], &calls[0]["closeCode"]), (&"tom".into(), &4.into()));
    assert!(tom.session.has_ended());
    let back = Login { client: Some(client.clone()), ..Login::default() };
    assert_eq!(code(other.try_log_in(back).await), Code::Blacklisted);
}
