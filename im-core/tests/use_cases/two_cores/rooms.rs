//! Chat rooms over two cores: messages, counts, and clients that come back on the other one.

use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::ids::{ClientId, ConversationId, DeviceId, MessageId};
use hookd_im_core::presence::{Ending, Login};
use hookd_im_core::store::ConversationKind;

use super::node::{Client, LONG_LEASE};
use super::{history, received, say, two};
use crate::world::{basic, message};

/// Messages of each client.
const MESSAGES: usize = 15;

async fn create(client: &Client) -> ConversationId {
    let new = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    conversations::start(&client.node.core, &client.request(), new).await.unwrap().conversation.id
}

async fn join(client: &Client, room: &ConversationId) {
    conversations::add(&client.node.core, &client.request(), room, vec![client.id().clone()]).await.unwrap();
}

async fn count(client: &Client, room: &ConversationId) -> u32 {
    conversations::count(&client.node.core, &client.request(), room).await.unwrap()
}

fn of_device(client: &str, device: &str) -> Login {
    Login { client: Some(ClientId::new(client)), device: Some(DeviceId::new(device)), ..Login::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_reach_who_is_there_on_either_core_once_and_in_order() {
    for seed in [51, 52] {
        let (shared, one, other) = two(seed).await;
        let clients = [one.log_in("tom").await, other.log_in("jerry").await, other.log_in("spike").await];
        let outside = one.log_in("butch").await;
        let room = create(&clients[0]).await;
        for client in &clients {
            join(client, &room).await;
            assert_eq!(conversations::sample(&one.core, &outside.request(), &room, 1).await.unwrap().len(), 1);
        }
        assert_eq!((count(&outside, &room).await, count(&clients[1], &room).await), (3, 3));
        let talking = clients.iter().map(async |client| {
            let mut sent = Vec::new();
            for number in 0..MESSAGES {
                sent.push(say(client, message(&room, &format!("{} {number}", client.id()))).await);
            }
            sent
        });
        let sent = futures::future::join_all(talking).await;
        let all: Vec<MessageId> = history(&one, &room).await.into_iter().map(|message| message.id).collect();
        for (client, own) in clients.iter().zip(sent) {
            let expected: Vec<MessageId> = all.iter().filter(|id| !own.contains(id)).cloned().collect();
            client.gets("all messages", |events| received(events, &room).len() >= expected.len()).await;
            shared.bus.is_empty().await;
            assert_eq!(received(&client.events(), &room), expected, "seed {seed}, {}", client.id());
        }
        assert!(outside.events().is_empty());
    }
}

/// S-9: also where the old core has not noticed that its session is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_client_is_in_its_room_again_on_the_other_core() {
    let (shared, one, other) = two(61).await;
    let phone = one.try_log_in(of_device("tom", "phone")).await.unwrap();
    let room = create(&phone).await;
    let back = other.try_log_in(of_device("tom", "phone")).await.unwrap();
    assert_eq!(other.core.rooms.room_of(back.session.id), Some(room.clone()));
    one.lifecycle.renew_lease(&one.core, LONG_LEASE).await.unwrap();
    shared.bus.is_empty().await;
    assert!(phone.session.has_ended());
    assert_eq!(one.core.rooms.room_of(phone.session.id), None);
    assert_eq!(count(&back, &room).await, 1);
    let app = back.request().app;
    drop(other.lifecycle.end(&other.core, &app, &back.session, Ending::Lost(None), None));
    let jerry = one.log_in("jerry").await;
    assert_eq!(count(&jerry, &room).await, 0);
    let again = one.try_log_in(of_device("tom", "phone")).await.unwrap();
    assert_eq!(one.core.rooms.room_of(again.session.id), Some(room.clone()));
    // Who logs out does not come back.
    drop(one.lifecycle.end(&one.core, &app, &again.session, Ending::LoggedOut, None));
    let fresh = other.try_log_in(of_device("tom", "phone")).await.unwrap();
    assert_eq!(other.core.rooms.room_of(fresh.session.id), None);
    assert_eq!(count(&jerry, &room).await, 0);
}
