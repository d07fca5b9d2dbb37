//! Temporary conversations on raw sockets: who is told of them (P-51), and numbers and ids that no client needs.

use crate::client::{Client, command, conversation, error_code, json, login, members, message, start};
use crate::server::Server;
use crate::wire::{CommandType, ConvCommand, GenericCommand, OpType, SessionCommand};

fn temporary(members: &[&str], ttl: Option<i32>) -> GenericCommand {
    conversation(OpType::Start, ConvCommand { temp_conv: Some(true), temp_conv_ttl: ttl, ..start(members) })
}

fn by_ids(ids: Vec<String>) -> GenericCommand {
    conversation(OpType::Query, ConvCommand { temp_conv_ids: ids, ..ConvCommand::default() })
}

fn rows(reply: GenericCommand) -> Vec<serde_json::Value> {
    serde_json::from_str(&reply.conv_message.unwrap().results.unwrap().data).unwrap()
}

async fn with_config(server: &Server, id: &str, config_bitmap: i64) -> Client {
    let mut client = Client::connect(server.address).await;
    let session = SessionCommand { config_bitmap: Some(config_bitmap), ..SessionCommand::default() };
    assert_eq!(client.request(login(Some(id), session)).await.op(), OpType::Opened);
    client
}

#[tokio::test]
async fn sessions_that_do_not_know_temporary_conversations_hear_nothing_of_them() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let (mut new, mut old) = (with_config(&server, "bob", 187).await, with_config(&server, "bob", 187 & !2).await);
    let started = alice.request(temporary(&["alice", "bob"], None)).await.conv_message.unwrap();
    let cid = started.cid.unwrap();
    assert_eq!(new.push().await.op(), OpType::Joined);
    assert_eq!(new.push().await.op(), OpType::MembersJoined);
    alice.request(message(&cid, "hi")).await;
    let direct = new.push().await.direct_message.unwrap();
    assert_eq!((direct.conv_type, direct.cid.as_deref()), (Some(4), Some(cid.as_str())));
    old.assert_undisturbed().await;
    // Of others they do.
    let group = alice.create_conversation(&["alice", "bob"]).await;
    assert_eq!(old.push().await.conv_message.unwrap().cid.as_deref(), Some(group.as_str()));
}

/// S-11, P-65.
#[tokio::test]
async fn the_time_to_live_is_what_it_may_be_and_is_told() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    for (asked, effective) in
        [(None, 86_400), (Some(60), 60), (Some(0), 86_400), (Some(i32::MIN), 86_400), (Some(i32::MAX), 2_592_000)]
    {
        let started = alice.request(temporary(&["alice"], asked)).await.conv_message.unwrap();
        assert_eq!(started.temp_conv_ttl, Some(effective), "{asked:?}");
        let row = rows(alice.request(by_ids(vec![started.cid.unwrap()])).await).remove(0);
        assert_eq!((&row["ttl"], &row["temp"]), (&effective.into(), &true.into()));
    }
}

#[tokio::test]
async fn what_no_temporary_conversation_can_be_is_refused_by_name() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let cid = alice.request(temporary(&["alice"], None)).await.conv_message.unwrap().cid.unwrap();
    let long = format!("_tmp:{}", "x".repeat(60_000));
    let many: Vec<String> = (0..11).map(|number| format!("member {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let both = ConvCommand { temp_conv: Some(true), transient: Some(true), ..start(&["alice"]) };
    let update = ConvCommand { cid: Some(long.clone()), attr: Some(json("{}")), ..ConvCommand::default() };
    for (request, code) in [
        (temporary(&many, None), 4304),
        (conversation(OpType::Start, both), 4301),
        (by_ids(vec!["_tmp:x".to_owned(); 501]), 4310),
        (conversation(OpType::Add, members(&cid, &["bob"])), 4314),
        (conversation(OpType::Add, members(&long, &["bob"])), 4303),
        (conversation(OpType::Update, update), 4303),
    ] {
        assert_eq!(error_code(&alice.request(request).await), code);
    }
    let asked = vec![long, String::new(), "_tmp:".to_owned(), "_tmp:\0".to_owned(), cid.clone(), cid.clone()];
    let found = rows(alice.request(by_ids(asked)).await);
    assert_eq!(found.iter().map(|row| row["objectId"].as_str().unwrap()).collect::<Vec<_>>(), [cid]);
    let echo = alice.request(command(CommandType::Echo, None)).await;
    assert_eq!(echo.cmd(), CommandType::Echo);
}
