//! Chat rooms on raw sockets: which session is in which room, also after its socket was cut (S-9), and slow readers (S-45).

use std::time::{Duration, Instant};

use futures::SinkExt as _;
use hookd_im_core::ids::{AppId, ConversationId};
use prost::Message as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, as_peer, command, conversation, error_code, login, members, message, start};
use crate::server::{APP, Server};
use crate::wire::{CommandType, ConvCommand, GenericCommand, OpType, SessionCommand};

fn room() -> GenericCommand {
    conversation(OpType::Start, ConvCommand { transient: Some(true), ..start(&["ignored"]) })
}

async fn create(client: &mut Client) -> String {
    client.request(room()).await.conv_message.unwrap().cid.unwrap()
}

async fn join(client: &mut Client, id: &str, room: &str) {
    let joined = client.request(as_peer(id, conversation(OpType::Add, members(room, &[id])))).await;
    assert_eq!(joined.conv_message.unwrap().allowed_pids, [id]);
}

async fn leave(client: &mut Client, id: &str, room: &str) {
    let left = client.request(as_peer(id, conversation(OpType::Remove, members(room, &[id])))).await;
    assert_eq!(left.conv_message.unwrap().allowed_pids, [id]);
}

async fn count(client: &mut Client, room: &str) -> i32 {
    let named = ConvCommand { cid: Some(room.into()), ..ConvCommand::default() };
    client.request(conversation(OpType::Count, named)).await.conv_message.unwrap().count.unwrap()
}

fn of_device(id: &str, device: &str) -> GenericCommand {
    login(Some(id), SessionCommand { device_id: Some(device.into()), ..SessionCommand::default() })
}

async fn on_device(server: &Server, id: &str, device: &str) -> Client {
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.request(of_device(id, device)).await.op(), OpType::Opened);
    client
}

/// Cuts a socket, and waits until the server has noticed.
async fn cut(server: &Server, client: Client, id: &str) {
    server.engine.reply("_clientOffline", json!(null));
    drop(client);
    assert_eq!(server.engine.call_of("_clientOffline").await["peerId"], json!(id));
}

#[tokio::test]
async fn a_client_whose_socket_was_cut_is_in_its_room_again() {
    let server = Server::start().await;
    let mut watcher = server.client("watcher").await;
    let room = create(&mut watcher).await;
    let mut tom = on_device(&server, "tom", "phone").await;
    join(&mut tom, "tom", &room).await;
    assert_eq!(count(&mut watcher, &room).await, 2);
    cut(&server, tom, "tom").await;
    assert_eq!(count(&mut watcher, &room).await, 1);
    let mut tom = on_device(&server, "tom", "phone").await;
    assert_eq!(count(&mut watcher, &room).await, 2);
    watcher.request(message(&room, "welcome back")).await;
    let direct = tom.push().await.direct_message.unwrap();
    assert_eq!((direct.msg.as_deref(), direct.conv_type), (Some("welcome back"), Some(2)));
    // A new socket of a device takes over before the server notices that the old one is gone.
    let mut again = on_device(&server, "tom", "phone").await;
    assert_eq!(count(&mut watcher, &room).await, 2);
    leave(&mut again, "tom", &room).await;
    cut(&server, again, "tom").await;
    let _tom = on_device(&server, "tom", "phone").await;
    assert_eq!(count(&mut watcher, &room).await, 1, "it has left");
}

#[tokio::test]
async fn a_client_that_logs_out_is_in_no_room_when_it_is_back() {
    let server = Server::start().await;
    let mut watcher = server.client("watcher").await;
    let room = create(&mut watcher).await;
    let mut tom = on_device(&server, "tom", "phone").await;
    join(&mut tom, "tom", &room).await;
    tom.request(as_peer("tom", command(CommandType::Session, Some(OpType::Close)))).await;
    assert_eq!(count(&mut watcher, &room).await, 1);
    let _tom = on_device(&server, "tom", "phone").await;
    assert_eq!(count(&mut watcher, &room).await, 1);
}

#[tokio::test]
async fn each_session_is_in_a_room_of_its_own() {
    let server = Server::start().await;
    let mut phone = on_device(&server, "tom", "phone").await;
    let mut desk = on_device(&server, "tom", "desk").await;
    // Two clients on one socket.
    assert_eq!(desk.request(of_device("spike", "desk")).await.op(), OpType::Opened);
    let mut jerry = server.client("jerry").await;
    let (first, second) = (create(&mut jerry).await, create(&mut jerry).await);
    join(&mut phone, "tom", &first).await;
    join(&mut desk, "tom", &second).await;
    join(&mut desk, "spike", &first).await;
    assert_eq!((count(&mut jerry, &first).await, count(&mut jerry, &second).await), (2, 2));
    jerry.request(message(&first, "one")).await;
    jerry.request(message(&second, "two")).await;
    let to = |push: GenericCommand| (push.peer_id.unwrap(), push.direct_message.unwrap().msg.unwrap());
    assert_eq!(to(phone.push().await), ("tom".into(), "one".into()));
    assert_eq!(to(desk.push().await), ("spike".into(), "one".into()));
    assert_eq!(to(desk.push().await), ("tom".into(), "two".into()));
    // Into the other room, which it shares with its phone.
    join(&mut desk, "tom", &first).await;
    assert_eq!((count(&mut jerry, &first).await, count(&mut jerry, &second).await), (2, 1));
    jerry.request(message(&first, "three")).await;
    assert_eq!(to(phone.push().await), ("tom".into(), "three".into()));
    let mut texts = [to(desk.push().await), to(desk.push().await)];
    texts.sort();
    assert_eq!(texts.map(|(peer, _)| peer), ["spike", "tom"]);
    // The sender's other session is there, and gets no copy.
    phone.request(as_peer("tom", message(&first, "four"))).await;
    assert_eq!(to(desk.push().await), ("spike".into(), "four".into()));
    desk.assert_undisturbed().await;
}

/// A client that joins and leaves without end leaves nothing behind.
#[tokio::test]
async fn coming_and_going_without_end_costs_nothing() {
    let server = Server::start().await;
    let mut tom = server.client("tom").await;
    let (first, second) = (create(&mut tom).await, create(&mut tom).await);
    for _ in 0..300 {
        join(&mut tom, "tom", &first).await;
        join(&mut tom, "tom", &second).await;
        leave(&mut tom, "tom", &second).await;
    }
    assert_eq!((count(&mut tom, &first).await, count(&mut tom, &second).await), (0, 0));
    tom.assert_undisturbed().await;
}

/// P-74, and what cannot be a room.
#[tokio::test]
async fn samples_and_ids_are_checked() {
    let server = Server::start().await;
    let mut tom = server.client("tom").await;
    let room = create(&mut tom).await;
    let sample = |cid: &str, limit: Option<i32>| {
        conversation(OpType::Members, ConvCommand { cid: Some(cid.into()), limit, ..ConvCommand::default() })
    };
    for (limit, expected) in [(None, &["tom"][..]), (Some(7), &["tom"]), (Some(0), &[]), (Some(i32::MIN), &[])] {
        assert_eq!(tom.request(sample(&room, limit)).await.conv_message.unwrap().m, expected);
    }
    let long = "x".repeat(60_000);
    for request in [
        sample(&long, None),
        conversation(OpType::Add, members(&long, &["tom"])),
        conversation(OpType::Remove, members(&long, &["tom"])),
        sample("000000000000000000000000", None),
    ] {
        assert_eq!(error_code(&tom.request(request).await), 4303);
    }
    assert_eq!(error_code(&tom.request(conversation(OpType::Add, members(&room, &["jerry"]))).await), 4314);
    let group = tom.create_conversation(&["tom"]).await;
    assert_eq!(error_code(&tom.request(sample(&group, None)).await), 4316);
}

/// A reader that does not read keeps its socket while low messages are dropped, and holds up nobody.
#[tokio::test]
async fn a_slow_reader_of_a_room_loses_messages_of_low_priority_and_holds_up_nobody() {
    const MESSAGES: usize = 3000;
    let server = Server::start().await;
    let mut tom = server.client("tom").await;
    let room = create(&mut tom).await;
    let (mut slow, mut quick) = (server.client("slow").await, server.client("quick").await);
    join(&mut slow, "slow", &room).await;
    join(&mut quick, "quick", &room).await;
    let body = "x".repeat(5000);
    let mut low = GenericCommand { priority: Some(3), ..message(&room, &body) };
    // So that the disk has no part in it.
    low.direct_message.as_mut().unwrap().transient = Some(true);
    let began = Instant::now();
    let (sending, reading) = tokio::join!(
        async {
            for number in 0..MESSAGES {
                let command = GenericCommand { i: Some(i32::try_from(number).unwrap() + 1000), ..low.clone() };
                tom.socket.feed(Message::binary(command.encode_to_vec())).await.unwrap();
                if number % 32 == 31 {
                    tom.socket.flush().await.unwrap();
                    for _ in 0..32 {
                        tom.read().await;
                    }
                }
            }
            tom.socket.flush().await.unwrap();
            MESSAGES
        },
        async {
            let mut read = 0;
            while read < MESSAGES * 9 / 10 {
                quick.push().await;
                read += 1;
            }
            read
        }
    );
    assert!(sending == MESSAGES && reading > 0 && began.elapsed() < Duration::from_secs(60));
    // 15 MB are more than the socket and its queue hold: the rest was dropped, and the session is still there.
    let state = server.core.rooms.count(&AppId::new(APP), &ConversationId::new(room.as_str()));
    assert_eq!(state, 3);
    let mut got = 0;
    let serial = slow.start(command(CommandType::Echo, None)).await;
    loop {
        let next = slow.read().await;
        if next.i == Some(serial) {
            break;
        }
        got += 1;
    }
    assert!(got < MESSAGES, "{got}");
}
