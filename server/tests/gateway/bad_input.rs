//! Frames and commands that no client should send.

use futures::SinkExt;
use prost::Message as _;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Closed, command, conversation, error_code, history, message};
use crate::server::Server;
use crate::wire::{CommandType, ConvCommand, DirectCommand, GenericCommand, OpType, PatchCommand, PatchItem};

fn closed(code: u16, reason: &str) -> Closed {
    Closed { code, reason: reason.into() }
}

#[tokio::test]
async fn malformed_frames_close_only_their_own_socket() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", serde_json::json!(null));
    let mut other = server.client("other").await;
    for frame in [Message::binary(vec![0xff; 10]), Message::text("CA4oBw=="), Message::text("{}")] {
        let mut client = server.client("alice").await;
        client.socket.send(frame).await.unwrap();
        assert_eq!(client.closed().await, closed(4114, "UNPARSEABLE_RAW_MESSAGE"));
        let params = server.engine.call_of("_clientOffline").await;
        assert_eq!((&params["closeCode"], &params["errorCode"]), (&2.into(), &4114.into()));
        assert_eq!(params["errorMsg"], "UNPARSEABLE_RAW_MSG");
    }
    other.assert_undisturbed().await;
}

#[tokio::test]
async fn bytes_that_are_no_frame_close_the_socket() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { unreachable!() };
    stream.write_all(&[0xff; 64]).await.unwrap();
    assert_eq!(client.closed().await.code, 4114);
}

#[tokio::test]
async fn unknown_and_unsupported_commands_are_named_in_the_error() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let commands = [
        (command(CommandType::Session, Some(OpType::Kick)), "session/kick"),
        (GenericCommand { cmd: Some(77), op: Some(999), ..GenericCommand::default() }, "command 77/999"),
        (GenericCommand::default(), "without `cmd`"),
    ];
    for (command, name) in commands {
        let reply = client.request(command).await;
        assert_eq!(error_code(&reply), 4200);
        let detail = reply.error_message.unwrap().detail.unwrap();
        assert!(detail.contains(name) && detail.contains("not supported"), "{detail}");
    }
    client.assert_undisturbed().await;
}

/// F-32: whether the conversation exists is said before anything else.
#[tokio::test]
async fn conversations_that_do_not_exist_are_4303_in_every_command_but_a_message() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    for cid in ["000000000000000000000000", "_tmp:0123456789abcdef"].map(str::to_owned) {
        let named = || ConvCommand { cid: Some(cid.clone()), m: vec!["bob".into()], ..ConvCommand::default() };
        let operations = [
            OpType::Add,
            OpType::Remove,
            OpType::Count,
            OpType::Update,
            OpType::Mute,
            OpType::Unmute,
            OpType::MaxRead,
            OpType::MemberInfoUpdate,
            OpType::AddShutup,
            OpType::QueryShutup,
        ];
        for op in operations {
            let reply = client.request(conversation(op, named())).await;
            assert_eq!(error_code(&reply), 4303, "{op:?} {}", &cid[..10]);
        }
        let patch = PatchItem { cid: Some(cid.clone()), ..PatchItem::default() };
        let patch = PatchCommand { patches: vec![patch], ..PatchCommand::default() };
        let modify = command(CommandType::Patch, Some(OpType::Modify));
        let reply = client.request(GenericCommand { patch_message: Some(patch), ..modify }).await;
        assert_eq!(error_code(&reply), 4303);
        assert_eq!(error_code(&client.request(history(&cid)).await), 4303);

        let reply = client.request(message(&cid, "anybody?")).await;
        if cid.starts_with("_tmp:") {
            assert_eq!(error_code(&reply), 4303);
        } else {
            assert_eq!(reply.ack_message.unwrap().code, Some(4401));
        }
    }
    client.assert_undisturbed().await;
}

#[tokio::test]
async fn receipts_and_commands_without_serial_number_get_no_reply() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    for kind in [CommandType::Ack, CommandType::Read, CommandType::Blacklist, CommandType::Conv, CommandType::Logs] {
        client.send_bytes(command(kind, None).encode_to_vec()).await;
    }
    client.assert_undisturbed().await;
}

#[tokio::test]
async fn a_message_over_5_kb_is_refused_and_the_socket_stays() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let cid = client.create_conversation(&["alice"]).await;
    client.push().await;
    client.push().await;
    assert_eq!(client.request(message(&cid, &"x".repeat(5 * 1024))).await.cmd(), CommandType::Ack);
    assert_eq!(error_code(&client.request(message(&cid, &"x".repeat(5 * 1024 + 1))).await), 4109);
    client.assert_undisturbed().await;

    client.send_bytes(message(&cid, &"x".repeat(6 * 1024)).encode_to_vec()).await;
    assert_eq!(client.closed().await, closed(4109, "FRAME_TOO_LONG"));
}

#[tokio::test]
async fn frames_over_the_limit_close_the_socket_with_a_code_that_the_client_sees() {
    let server = Server::start().await;
    let mut other = server.client("other").await;
    for length in [65 * 1024, 1024 * 1024 + 1, 5 * 1024 * 1024] {
        let mut client = server.client("alice").await;
        let sent = client.socket.send(Message::binary(message("c", &"x".repeat(length)).encode_to_vec())).await;
        sent.unwrap();
        assert_eq!(client.closed().await, closed(4109, "FRAME_TOO_LONG"));
    }
    other.assert_undisturbed().await;
}

#[tokio::test]
async fn sending_to_a_conversation_one_is_not_in_fails_as_an_ack() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let of_bob = bob.create_conversation(&["bob", "carol"]).await;
    bob.push().await;
    bob.push().await;
    let without_cid =
        GenericCommand { direct_message: Some(DirectCommand::default()), ..command(CommandType::Direct, None) };
    for command in [message(&of_bob, "hi"), message("64f0c0ffee0000000000a001", "hi"), without_cid] {
        let reply = alice.request(command).await;
        let ack = reply.ack_message.unwrap();
        assert_eq!((ack.code, ack.reason.as_deref()), (Some(4401), Some("INVALID_MESSAGING_TARGET")));
    }
    bob.assert_undisturbed().await;
}

#[tokio::test]
async fn bad_json_is_refused_with_its_field() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let bad = Some(crate::client::json("{"));
    let query = ConvCommand { r#where: bad.clone(), ..ConvCommand::default() };
    let reply = client.request(conversation(OpType::Query, query)).await;
    assert_eq!(error_code(&reply), 4310);
    assert!(reply.error_message.unwrap().detail.unwrap().contains("where"));
    let start = ConvCommand { attr: bad, ..crate::client::start(&["alice"]) };
    let reply = client.request(conversation(OpType::Start, start)).await;
    assert_eq!(error_code(&reply), 4301);
    assert!(reply.error_message.unwrap().detail.unwrap().contains("attr"));
}

#[tokio::test]
async fn a_command_without_its_payload_is_an_error_not_a_silence() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    assert_eq!(error_code(&client.request(command(CommandType::Conv, Some(OpType::Add))).await), 4303);
    assert_eq!(error_code(&client.request(command(CommandType::Logs, None)).await), 4303);
    assert_eq!(client.request(command(CommandType::Direct, None)).await.ack_message.unwrap().code, Some(4401));
    client.socket.flush().await.unwrap();
}
