//! S-51: messages that are held until their sender is lost.

use std::time::Duration;

use hookd_im_core::conversations;
use hookd_im_core::delivery::Event;
use hookd_im_core::error::Code;
use hookd_im_core::ids::{ClientId, ConversationId, SessionId};
use hookd_im_core::messages::{self, APP_WILL_BYTES, SendMessage, SentMessage};
use hookd_im_core::presence::{Ending, SessionLifecycle};
use serde_json::json;

use crate::world::{Client, World, code, ids, message};

/// Ends sessions as a gateway does.
struct Gateway(SessionLifecycle);

impl Gateway {
    fn new() -> Self {
        Self(SessionLifecycle::new(Duration::from_secs(3600)))
    }

    /// Ends a session, and delivers what it leaves.
    async fn end(&self, world: &World, (client, session): (&ClientId, SessionId), ending: Ending<'_>) {
        let online = world.core.online.sessions(&world.app.id, client);
        let session = online.iter().find(|online| online.id == session).unwrap();
        let mut ended = self.0.end(&world.core, &world.app, session, ending, None);
        for will in ended.take_wills() {
            messages::deliver_will(&world.core, will).await;
        }
    }

    async fn lose(&self, world: &World, client: &Client) {
        self.end(world, (&client.id, client.session), Ending::Lost(None)).await;
    }
}

async fn set(world: &World, client: &Client, conversation: &ConversationId, text: &str) -> SentMessage {
    messages::set_will(&world.core, &client.request(), message(conversation, text)).await.unwrap()
}

#[tokio::test]
async fn a_will_is_held_and_comes_with_the_loss_of_its_client_and_with_its_id_and_time() {
    let (world, gateway) = (World::new(), Gateway::new());
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    world.engine.reply("_messageReceived", "null");
    world.engine.reply("_messageSent", "null");
    let before = world.row(&id).await;
    let sent = set(&world, &tom, &id, "I am gone").await;
    assert!(world.engine.calls().is_empty(), "hooks are asked when it is delivered");
    assert_eq!((jerry.news(), tom.news()), (vec![], vec![]));

    gateway.lose(&world, &tom).await;
    let events = jerry.events();
    let [Event::Message(will)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&will.id, will.timestamp, will.from.as_str()), (&sent.id, sent.timestamp, "tom"));
    assert!(will.transient, "nobody acknowledges it");
    world.notifications_are_done().await;
    let hooks: Vec<_> = world.engine.calls().iter().map(|call| call.hook).collect();
    assert_eq!(hooks, ["_messageReceived", "_messageSent"]);
    let params = world.engine.calls_of("_messageSent").remove(0);
    assert_eq!((&params["msgId"], &params["timestamp"]), (&json!(sent.id), &json!(sent.timestamp.0)));
    assert_eq!(params["onlinePeers"], json!(["jerry"]));
    assert!(world.history(&id).await.is_empty(), "it is not in the history");
    assert_eq!(world.row(&id).await, before, "and the conversation's row stays as it was");
}

#[tokio::test]
async fn a_client_has_one_will_which_belongs_to_the_session_that_set_it_last() {
    let (world, gateway) = (World::new(), Gateway::new());
    let (mut phone, laptop, mut jerry) = (world.client("tom"), world.client("tom"), world.client("jerry"));
    let [one, other] =
        [world.conversation(&mut phone, &["jerry"]).await, world.conversation(&mut phone, &["jerry"]).await];
    jerry.events();
    set(&world, &phone, &one, "from the phone").await;
    set(&world, &laptop, &other, "from the laptop").await;
    gateway.lose(&world, &phone).await;
    assert_eq!(jerry.news(), [""; 0]);
    gateway.lose(&world, &laptop).await;
    assert_eq!(jerry.news(), ["tom says from the laptop"]);
}

#[tokio::test]
async fn only_a_loss_delivers_it() {
    for (ending, expected) in [
        (Ending::LoggedOut, None),
        (Ending::Conflict, None),
        (Ending::Kicked("maintenance"), None),
        (Ending::Lost(Some(Code::ReadTimeout)), Some("tom says bye")),
        (Ending::Replaced, Some("tom says bye")),
    ] {
        let (world, gateway) = (World::new(), Gateway::new());
        let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
        let id = world.conversation(&mut tom, &["jerry"]).await;
        jerry.events();
        set(&world, &tom, &id, "bye").await;
        gateway.end(&world, (&tom.id, tom.session), ending).await;
        assert_eq!(jerry.news(), expected.into_iter().collect::<Vec<_>>(), "{ending:?}");
        let late = messages::set_will(&world.core, &tom.request(), message(&id, "too late")).await;
        assert_eq!(code(late), Code::SessionRequired);
    }
}

/// What was allowed when it was set may not be at the end, and the hook may have its say.
#[tokio::test]
async fn it_is_checked_when_it_is_set_and_when_it_is_delivered() {
    let (world, gateway) = (World::new(), Gateway::new());
    let (mut tom, mut jerry, spike) = (world.client("tom"), world.client("jerry"), world.client("spike"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    let of_stranger = messages::set_will(&world.core, &spike.request(), message(&id, "x")).await;
    assert_eq!(code(of_stranger), Code::InvalidMessagingTarget);
    let large = messages::set_will(&world.core, &tom.request(), message(&id, &"x".repeat(5121))).await;
    assert_eq!(code(large), Code::FrameTooLong);

    set(&world, &tom, &id, "removed meanwhile").await;
    let leaving = conversations::remove(&world.core, &tom.request(), &id, ids(&["tom"])).await;
    leaving.unwrap();
    jerry.events();
    gateway.lose(&world, &tom).await;
    assert_eq!(jerry.news(), [""; 0]);

    let mut butch = world.client("butch");
    let id = world.conversation(&mut butch, &["jerry"]).await;
    jerry.events();
    world.engine.reply("_messageReceived", r#"{"drop":true}"#);
    set(&world, &butch, &id, "dropped").await;
    gateway.lose(&world, &butch).await;
    assert_eq!(jerry.news(), [""; 0]);

    let toodles = world.client("jerry");
    world.engine.reply("_messageReceived", r#"{"content":"filtered"}"#);
    let mut nibbles = world.client("nibbles");
    let id = world.conversation(&mut nibbles, &["jerry"]).await;
    jerry.events();
    set(&world, &nibbles, &id, "unfiltered").await;
    gateway.lose(&world, &nibbles).await;
    assert_eq!(jerry.news(), ["nibbles says filtered"]);
    drop(toodles);
}

/// P-84.
#[tokio::test]
async fn a_will_that_is_set_again_with_its_token_keeps_its_id() {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    let with_token = |token: &str| SendMessage { deduplication_token: Some(token.into()), ..message(&id, "bye") };
    let set = async |message| messages::set_will(&world.core, &tom.request(), message).await.unwrap();
    let first = set(with_token("a")).await;
    assert_eq!(set(with_token("a")).await, first);
    assert_ne!(set(with_token("b")).await, first);
}

/// The clients of one app fill its room, and get it back.
#[tokio::test]
async fn the_wills_of_an_app_take_so_many_bytes_and_no_more() {
    let (world, gateway) = (World::new(), Gateway::new());
    let mut tom = world.client("tom");
    let names: Vec<String> = (0..40).map(|number| format!("client {number}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let id = world.conversation(&mut tom, &members).await;
    // A megabyte of mentions, which a gateway would not let through.
    let mentions = vec![ClientId::new("x".repeat(1000)); 1024];
    let large = || SendMessage { mentions: mentions.clone(), ..message(&id, "bye") };
    let (mut clients, mut refused) = (Vec::new(), None);
    for name in &members {
        let client = world.client(name);
        let set = messages::set_will(&world.core, &client.request(), large()).await;
        if set.is_err() {
            refused = Some(code(set));
            break;
        }
        clients.push(client);
    }
    assert_eq!(refused, Some(Code::InternalError));
    assert!((8..=APP_WILL_BYTES >> 20).contains(&clients.len()), "{} wills fit", clients.len());
    let last = clients.pop().unwrap();
    gateway.end(&world, (&last.id, last.session), Ending::LoggedOut).await;
    messages::set_will(&world.core, &tom.request(), large()).await.unwrap();
}
