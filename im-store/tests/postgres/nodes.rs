//! Several nodes on one database.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use hookd_im_core::ids::{Channel, ClientId, NodeId, OrderKey};
use hookd_im_core::store::{
    CallEntry, CallLimits, CallOutcome, Calls as _, Conversations as _, Messages as _, MissedEvents as _, NewCall,
    Nodes as _,
};
use hookd_im_store::postgres::PostgresStore;
use hookd_postgres_server::PostgresServer;
use serde_json::Map;

use crate::world::{app, asked, clients, create, message, new_conversation, open, say, say_to_members, whole_history};

const LIMITS: CallLimits = CallLimits { calls: 10_000, bytes: 1 << 20 };

async fn two(server: &PostgresServer) -> [Arc<PostgresStore>; 2] {
    [open(&server.url()).await, open(&server.url()).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_two_nodes_have_one_order_without_gaps() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let conversation = create(&stores[0]).await;
    let sending = (0..200).map(|number| {
        let (store, conversation) = (stores[number % 2].clone(), conversation.clone());
        tokio::spawn(async move { say(&store, &conversation, &number.to_string()).await.unwrap() })
    });
    join_all(sending).await.into_iter().for_each(|sent| drop(sent.unwrap()));
    let history = whole_history(&stores[0], &conversation).await;
    assert_eq!(history.len(), 200);
    assert!(history.is_sorted_by(|left, right| left.timestamp < right.timestamp));
    let sequences: Vec<u64> = history.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, (2..202).collect::<Vec<_>>(), "the creation is 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_two_nodes_over_the_same_conversations_do_not_block_each_other() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let mut conversations = Vec::new();
    for _ in 0..10 {
        conversations.push(create(&stores[0]).await);
    }
    let sending = (0..400).map(|number: usize| {
        // Each node goes through them in another direction.
        let at = if number.is_multiple_of(2) { number / 2 % 10 } else { 9 - number / 2 % 10 };
        let (store, conversation) = (stores[number % 2].clone(), conversations[at].clone());
        tokio::spawn(async move { say(&store, &conversation, &number.to_string()).await.unwrap() })
    });
    join_all(sending).await.into_iter().for_each(|sent| drop(sent.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_create_one_unique_conversation() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let creating = (0..20).map(|number| {
        let store = stores[number % 2].clone();
        tokio::spawn(async move {
            store.create_conversation(&app(), new_conversation(&["tom", "jerry"], true), None).await.unwrap()
        })
    });
    let created: Vec<_> = join_all(creating).await.into_iter().map(|created| created.unwrap().row).collect();
    assert_eq!(created.iter().filter(|created| !created.existing).count(), 1);
    let ids: HashSet<_> = created.iter().map(|created| &created.conversation.id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resend_to_another_node_is_the_same_message() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let conversation = create(&stores[0]).await;
    let sending = (0..20).map(|number| {
        let (store, conversation) = (stores[number % 2].clone(), conversation.clone());
        tokio::spawn(async move { say(&store, &conversation, "same").await.unwrap() })
    });
    let sent: Vec<_> = join_all(sending).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sent.iter().filter(|sent| sent.earlier.is_none()).count(), 1);
    assert!(sent.iter().all(|one| one.id == sent[0].id));
    assert_eq!(whole_history(&stores[1], &conversation).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_messages_of_two_nodes_share_one_sequence() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let conversation = create(&stores[0]).await;
    let working = (0..40).map(|number| {
        let (store, conversation) = (stores[number % 2].clone(), conversation.clone());
        tokio::spawn(async move {
            if number < 20 {
                return say_to_members(&store, &conversation, &number.to_string()).await.sequence;
            }
            let member = asked(&[&number.to_string()]);
            let added = store.add_members(&app(), &conversation, &member, 100, None).await.unwrap().unwrap();
            added.row.sequence.unwrap()
        })
    });
    let mut sequences: Vec<u64> = join_all(working).await.into_iter().map(Result::unwrap).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (2..42).collect::<Vec<_>>());
    let now = stores[1].conversation(&app(), &conversation).await.unwrap().unwrap();
    assert_eq!((now.members.len(), now.last_sequence), (21, 41));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_of_missed_events_increase_across_nodes() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let adding = (0..40).map(|number| {
        let store = stores[number % 2].clone();
        // In another order on each node: no node waits for one that waits for it.
        let mut clients = clients(&["anna", "jerry", "tom"]);
        if number % 2 == 1 {
            clients.reverse();
        }
        let events = clients.into_iter().map(|client| (client, Map::new())).collect();
        tokio::spawn(async move { store.add_missed_events(&app(), events).await.unwrap() })
    });
    join_all(adding).await.into_iter().for_each(|added| drop(added.unwrap()));
    for client in clients(&["anna", "jerry", "tom"]) {
        let events =
            stores[0].missed_events(&app(), &client, hookd_im_core::timestamp::Timestamp(0), 100).await.unwrap();
        assert_eq!(events.len(), 40);
        assert!(events.is_sorted_by(|left, right| left.server_timestamp < right.server_timestamp));
    }
}

fn call(number: usize, key: Option<&str>) -> NewCall {
    NewCall {
        channel: Channel::new("presence"),
        target: "_clientOnline".to_owned(),
        order_key: key.map(OrderKey::new),
        payload: number.to_string().into(),
        remote_address: None,
    }
}

/// Each node claims, settles, and looks again until nothing is left.
async fn work(store: Arc<PostgresStore>, node: NodeId) -> Vec<(Option<OrderKey>, usize)> {
    let (app, channel) = (app(), Channel::new("presence"));
    let mut made = Vec::new();
    while !store.backlog().await.unwrap().is_empty() {
        let claimed = store.claim(&node, &app, &channel, 3).await.unwrap().calls;
        let settled = claimed.iter().map(|call| (call.number, CallOutcome::Done)).collect();
        made.extend(
            claimed.into_iter().map(|call| {
                (call.order_key, String::from_utf8(call.payload.to_vec()).unwrap().parse::<usize>().unwrap())
            }),
        );
        store.settle(&node, &app, &channel, settled, 10).await.unwrap();
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_made_by_one_node_and_those_of_a_key_in_order() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let nodes = [NodeId::generate(), NodeId::generate()];
    let keys = ["tom", "jerry", "anna"];
    let adding = (0..90).map(|number| {
        let key = (number % 4 < 3).then(|| keys[number % 4]);
        (number, CallEntry::from(call(number, key)))
    });
    for (number, entry) in adding {
        stores[number % 2].add_calls(&nodes[number % 2], &app(), vec![entry], LIMITS).await.unwrap();
    }
    let working = (0..2).map(|at| tokio::spawn(work(stores[at].clone(), nodes[at].clone())));
    let made: Vec<_> = join_all(working).await.into_iter().map(Result::unwrap).collect();
    let mut all: Vec<usize> = made.iter().flatten().map(|(_, number)| *number).collect();
    all.sort_unstable();
    assert_eq!(all, (0..90).collect::<Vec<_>>(), "each once");
    for node in &made {
        for key in keys {
            let of_key = node.iter().filter(|(of, _)| of.as_ref().is_some_and(|of| of.as_str() == key));
            assert!(of_key.map(|(_, number)| number).is_sorted(), "{key}");
        }
    }
    assert_eq!(server.sql("SELECT sum(calls), sum(bytes) FROM call_counts"), "0|0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_key_from_two_nodes_are_numbered_in_the_order_of_their_commits() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let nodes = [NodeId::generate(), NodeId::generate()];
    let adding = (0..40).map(|number| {
        let (store, node) = (stores[number % 2].clone(), nodes[number % 2].clone());
        let entries = vec![call(number, Some("tom")).into(), call(number, Some("jerry")).into()];
        tokio::spawn(async move { store.add_calls(&node, &app(), entries, LIMITS).await.unwrap() })
    });
    join_all(adding).await.into_iter().for_each(|added| drop(added.unwrap()));
    let first = "SELECT count(*) FROM calls WHERE is_first AND number = (
        SELECT min(number) FROM calls AS others WHERE others.order_key = calls.order_key)";
    assert_eq!(server.sql(first), "2", "each key has its first");
    assert_eq!(server.sql("SELECT count(*) FROM calls WHERE is_first"), "2");
    let claimed = stores[0].claim(&nodes[0], &app(), &Channel::new("presence"), 100).await.unwrap().calls;
    assert_eq!(claimed.len(), 2);
    let other = stores[1].claim(&nodes[1], &app(), &Channel::new("presence"), 100).await.unwrap().calls;
    assert_eq!(other.len(), 0, "the first of a key blocks it");
}

#[tokio::test]
async fn what_a_dead_node_had_claimed_is_made_by_another_one() {
    let server = PostgresServer::start();
    let stores = two(&server).await;
    let (dying, living) = (NodeId::generate(), NodeId::generate());
    stores[0].begin_lease(&dying, Duration::from_millis(1)).await.unwrap();
    stores[1].begin_lease(&living, Duration::from_secs(60)).await.unwrap();
    stores[0].add_calls(&dying, &app(), vec![call(1, Some("tom")).into()], LIMITS).await.unwrap();
    let channel = Channel::new("presence");
    assert_eq!(stores[0].claim(&dying, &app(), &channel, 10).await.unwrap().calls.len(), 1);
    let mut taken = Vec::new();
    while taken.is_empty() {
        stores[1].end_lost_nodes(&living).await.unwrap();
        taken = stores[1].claim(&living, &app(), &channel, 10).await.unwrap().calls;
    }
    let done = vec![(taken[0].number, CallOutcome::Done)];
    stores[0].settle(&dying, &app(), &channel, done.clone(), 10).await.unwrap();
    assert_eq!(stores[1].backlog().await.unwrap()[0].waiting, 1, "the dead node does not hold it any more");
    stores[1].settle(&living, &app(), &channel, done, 10).await.unwrap();
    assert!(stores[1].backlog().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_clients_choose_may_be_long_and_hold_nul() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let strange = "nul \0, é, \u{10ffff}";
    let mut new = new_conversation(&[strange, "tom"], true);
    new.attributes.insert(strange.to_owned(), strange.into());
    let created = store.create_conversation(&app(), new, None).await.unwrap().row.conversation;
    let read = store.conversation(&app(), &created.id).await.unwrap().unwrap();
    assert_eq!(read, created);
    let mut sent = message(&created.id, strange);
    sent.from = ClientId::new(strange);
    sent.mentions = clients(&[strange]);
    sent.deduplication_token = Some("long \0 token ".repeat(10_000));
    let first = store.append_message(&app(), sent.clone(), None).await.unwrap().unwrap().row;
    let again = store.append_message(&app(), sent.clone(), None).await.unwrap().unwrap().row;
    assert_eq!((first.earlier.is_none(), again.earlier.is_some()), (true, true));
    let stored = &whole_history(&store, &created.id).await[0];
    assert_eq!((&stored.from, &stored.mentions, &stored.body), (&sent.from, &sent.mentions, &sent.body));
    let unknown = hookd_im_core::ids::ConversationId::new("nul \0");
    assert_eq!(store.conversation(&app(), &unknown).await.unwrap(), None);
    assert!(store.append_message(&app(), message(&unknown, "hi"), None).await.unwrap().is_err());
}
