//! Service conversations over two cores: what is sent to all subscribers.

use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::conversations;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, ServiceMessage, ServiceReceivers};
use hookd_im_core::store::MessageBody;
use serde_json::Map;

use super::node::{Client, Shared};
use super::{received, two};

fn administrator(client: &Client) -> Actor {
    Actor { identity: Identity::Administrator, origin: None, ..client.request() }
}

async fn send(through: &Client, news: &ConversationId, text: &str) {
    let message = ServiceMessage {
        conversation: news.clone(),
        from: ClientId::new("News"),
        to: ServiceReceivers::Subscribers,
        body: MessageBody::Text(text.to_owned()),
        transient: false,
        push_data: None,
    };
    messages::send_from_service(&through.node.core, &administrator(through), message).await.unwrap();
}

fn subscribers_here(client: &Client, news: &ConversationId) -> usize {
    let mut count = 0;
    client.node.core.subscribers.each_session(&client.session.app, news, |_, _| count += 1);
    count
}

/// Changes a subscription through one client until the core of another session has heard of it: a notice may be lost.
async fn changes(shared: &Shared, (through, at): (&Client, &Client), news: &ConversationId, subscribes: bool) {
    let (core, request, own) = (&through.node.core, through.request(), vec![through.id().clone()]);
    for _ in 0..100 {
        for adds in [!subscribes, subscribes] {
            match adds {
                true => conversations::add(core, &request, news, own.clone()).await.unwrap(),
                false => conversations::remove(core, &request, news, own.clone()).await.unwrap(),
            };
        }
        shared.bus.is_empty().await;
        if subscribers_here(at, news) == usize::from(subscribes) {
            return;
        }
    }
    panic!("the other core never heard of it");
}

/// A client with a session on either core subscribes through one, and unsubscribes through the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_on_another_core_follow_a_subscription() {
    let (shared, one, other) = two(61).await;
    let (phone, desk, jerry) = (one.log_in("tom").await, other.log_in("tom").await, other.log_in("jerry").await);
    let made = conversations::create_service(&one.core, &administrator(&phone), Map::new()).await.unwrap();
    let news = made.id;
    changes(&shared, (&phone, &desk), &news, true).await;
    for number in 0..5 {
        send(if number % 2 == 0 { &phone } else { &desk }, &news, &number.to_string()).await;
    }
    for client in [&phone, &desk] {
        client.gets("all messages", |events| received(events, &news).len() == 5).await;
    }
    changes(&shared, (&desk, &phone), &news, false).await;
    send(&desk, &news, "not for tom").await;
    shared.bus.is_empty().await;
    assert_eq!((received(&phone.events(), &news).len(), received(&desk.events(), &news).len()), (5, 5));
    assert!(received(&jerry.events(), &news).is_empty());
}
