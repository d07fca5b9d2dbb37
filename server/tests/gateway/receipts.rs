//! Unread messages, read marks and receipts: P-85 … P-91, P-100, P-101.

use crate::client::{Client, command, conversation, error_code, login, members, message};
use crate::server::Server;
use crate::wire::{
    AckCommand, CommandType, ConvCommand, DirectCommand, GenericCommand, OpType, ReadCommand, ReadTuple,
    SessionCommand, UnreadTuple,
};

fn read(cid: &str, timestamp: Option<i64>) -> GenericCommand {
    let convs = vec![ReadTuple { cid: cid.into(), timestamp, mid: None }];
    let read = ReadCommand { convs, ..ReadCommand::default() };
    GenericCommand { read_message: Some(read), ..command(CommandType::Read, None) }
}

fn ack(ack: AckCommand) -> GenericCommand {
    GenericCommand { ack_message: Some(ack), ..command(CommandType::Ack, None) }
}

fn with_receipt(cid: &str, text: &str) -> GenericCommand {
    let direct =
        DirectCommand { cid: Some(cid.into()), msg: Some(text.into()), r: Some(true), ..DirectCommand::default() };
    GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }
}

async fn unread(client: &mut Client) -> Vec<UnreadTuple> {
    let push = client.push().await;
    assert_eq!((push.cmd(), push.service), (CommandType::Unread, Some(2)), "{push:?}");
    let unread = push.unread_message.unwrap();
    assert!(unread.notif_time.is_some());
    unread.convs
}

/// Passes over the events of a conversation's beginning.
async fn is_told_of_its_membership(client: &mut Client) {
    assert_eq!(client.push().await.op(), OpType::Joined);
    assert_eq!(client.push().await.op(), OpType::MembersJoined);
}

#[tokio::test]
async fn unread_messages_are_told_at_login_field_by_field_and_marked_by_any_session() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    alice.request(message(&cid, "one")).await;
    let sent = alice.request(message(&cid, "two")).await.ack_message.unwrap();

    let mut bob = server.client("bob").await;
    let expected = UnreadTuple {
        cid: cid.clone(),
        unread: 2,
        mid: sent.uid,
        timestamp: sent.t,
        from: Some("alice".into()),
        data: Some("two".into()),
        mentioned: Some(false),
        conv_type: Some(1),
        ..UnreadTuple::default()
    };
    assert_eq!(unread(&mut bob).await, std::slice::from_ref(&expected));
    let mut phone = server.client("bob").await;
    assert_eq!(unread(&mut phone).await, std::slice::from_ref(&expected), "every session gets its own (P-101)");

    bob.start(read(&cid, sent.t)).await;
    let none = UnreadTuple { unread: 0, ..expected };
    assert_eq!(unread(&mut phone).await, std::slice::from_ref(&none));
    assert_eq!(unread(&mut bob).await, [none]);
    bob.assert_undisturbed().await;
    server.client("bob").await.assert_undisturbed().await;
}

#[tokio::test]
async fn a_login_that_names_the_last_telling_hears_what_changed_since() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let sent = alice.request(message(&cid, "hi")).await.ack_message.unwrap();
    let mut bob = server.client("bob").await;
    unread(&mut bob).await;
    bob.start(read(&cid, sent.t)).await;
    assert_eq!(unread(&mut bob).await[0].unread, 0);

    let since = |told_until| SessionCommand { last_unread_notif_time: Some(told_until), ..SessionCommand::default() };
    let mut back = Client::connect(server.address).await;
    back.request(login(Some("bob"), since(1))).await;
    assert_eq!(unread(&mut back).await[0].unread, 0, "it was read since");
    let mut later = Client::connect(server.address).await;
    later.request(login(Some("bob"), since(i64::MAX))).await;
    later.assert_undisturbed().await;
}

#[tokio::test]
async fn acknowledged_and_read_messages_are_told_to_their_author_once() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    is_told_of_its_membership(&mut alice).await;
    is_told_of_its_membership(&mut bob).await;
    let sent = alice.request(with_receipt(&cid, "hi")).await.ack_message.unwrap();
    bob.push().await;

    let range = AckCommand { cid: Some(cid.clone()), fromts: sent.t, tots: sent.t, ..AckCommand::default() };
    bob.start(ack(range)).await;
    let push = alice.push().await;
    assert_eq!((push.cmd(), push.op), (CommandType::Rcp, None));
    let delivered = push.rcp_message.unwrap();
    assert_eq!((&delivered.id, delivered.cid.as_ref(), delivered.read), (&sent.uid, Some(&cid), None));
    assert_eq!(delivered.from.as_deref(), Some("bob"));
    assert!(delivered.t >= sent.t);
    // Other SDKs name the message.
    let named = AckCommand { cid: Some(cid.clone()), mid: sent.uid.clone(), ..AckCommand::default() };
    bob.start(ack(named)).await;
    bob.start(read(&cid, sent.t)).await;
    let was_read = alice.push().await.rcp_message.unwrap();
    assert_eq!((was_read.id, was_read.read), (sent.uid, Some(true)));
    assert!(was_read.t >= delivered.t);

    let max_read = |all| ConvCommand { cid: Some(cid.clone()), query_all_members: all, ..ConvCommand::default() };
    let reply = alice.request(conversation(OpType::MaxRead, max_read(None))).await;
    let marks = reply.conv_message.unwrap();
    assert_eq!((reply.op, marks.max_read_timestamp), (Some(OpType::MaxRead.into()), was_read.t));
    assert_eq!(marks.max_ack_timestamp, was_read.t);
    let all = alice.request(conversation(OpType::MaxRead, max_read(Some(true)))).await.conv_message.unwrap();
    assert_eq!((all.max_read_tuples.len(), all.max_read_tuples[0].pid.as_deref()), (1, Some("bob")));
    let own = bob.request(conversation(OpType::MaxRead, max_read(Some(true)))).await.conv_message.unwrap();
    assert_eq!(own.max_read_tuples, []);
    let mut eve = server.client("eve").await;
    assert_eq!(error_code(&eve.request(conversation(OpType::MaxRead, max_read(None))).await), 4317);
}

/// P-51, bit 6.
#[tokio::test]
async fn receipts_of_groups_are_for_sessions_that_ask_for_them() {
    const GROUP_RECEIPTS: i64 = 187 + 64;
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob", "carol"]).await;
    is_told_of_its_membership(&mut alice).await;
    let plain = alice.request(with_receipt(&cid, "plain")).await.ack_message.unwrap();
    let mut phone = Client::connect(server.address).await;
    let asking = SessionCommand { config_bitmap: Some(GROUP_RECEIPTS), ..SessionCommand::default() };
    phone.request(login(Some("alice"), asking)).await;
    let asked = phone.request(with_receipt(&cid, "asked")).await.ack_message.unwrap();
    assert_eq!(alice.push().await.direct_message.unwrap().id, asked.uid);

    let both = AckCommand { cid: Some(cid), fromts: plain.t, tots: asked.t, ..AckCommand::default() };
    bob.start(ack(both.clone())).await;
    assert_eq!(alice.push().await.rcp_message.unwrap().id, asked.uid);
    let mut carol = server.client("carol").await;
    carol.start(ack(both)).await;
    carol.request(command(CommandType::Echo, None)).await;
    alice.assert_undisturbed().await;
}

/// Hostile: no reply, no harm.
#[tokio::test]
async fn acknowledgements_that_make_no_sense_do_nothing() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut eve = server.client("eve").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    is_told_of_its_membership(&mut alice).await;
    alice.request(with_receipt(&cid, "hi")).await;
    let (long, everything) = ("x".repeat(60_000), (Some(i64::MIN), Some(i64::MAX)));
    let acks = [
        AckCommand { cid: Some(cid.clone()), fromts: everything.0, tots: everything.1, ..AckCommand::default() },
        AckCommand { cid: Some(long.clone()), fromts: Some(1), tots: Some(2), ..AckCommand::default() },
        AckCommand { cid: Some(cid.clone()), mid: Some(long.clone()), ..AckCommand::default() },
        AckCommand { cid: Some(cid.clone()), ..AckCommand::default() },
        AckCommand::default(),
    ];
    for nonsense in acks {
        eve.start(ack(nonsense)).await;
    }
    for timestamp in [None, Some(i64::MIN), Some(i64::MAX)] {
        eve.start(read(&cid, timestamp)).await;
        eve.start(read(&long, timestamp)).await;
    }
    let many = vec![ReadTuple { cid: "c".into(), timestamp: Some(1), mid: None }; 5000];
    let many = ReadCommand { cid: Some(cid.clone()), cids: vec![cid.clone()], convs: many };
    eve.start(GenericCommand { read_message: Some(many), ..command(CommandType::Read, None) }).await;
    eve.start(command(CommandType::Read, None)).await;
    eve.start(command(CommandType::Ack, None)).await;
    // In the conversation's order: answered after the acknowledgements.
    assert_eq!(error_code(&eve.request(conversation(OpType::Remove, members(&cid, &["alice"]))).await), 4317);
    eve.assert_undisturbed().await;
    alice.assert_undisturbed().await;
}

/// After a restart all clients come at once.
#[tokio::test]
async fn every_client_is_told_though_more_come_at_once_than_the_store_lets_wait() {
    const CLIENTS: usize = 1_500;
    const OF_A_CONVERSATION: usize = 499;
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let names: Vec<String> = (0..CLIENTS).map(|number| format!("client {number}")).collect();
    for members in names.chunks(OF_A_CONVERSATION) {
        let members: Vec<&str> = ["alice"].into_iter().chain(members.iter().map(String::as_str)).collect();
        let cid = alice.create_conversation(&members).await;
        alice.request(message(&cid, "hi")).await;
    }
    let comes = names.chunks(60).map(|names| {
        let address = server.address;
        async move {
            let mut socket = Client::connect(address).await;
            for name in names {
                socket.start(login(Some(name), SessionCommand::default())).await;
            }
            let mut told = 0;
            while told < names.len() {
                let came = socket.read().await;
                assert!(came.error_message.is_none(), "{came:?}");
                told += usize::from(came.unread_message.is_some());
            }
        }
    });
    futures::future::join_all(comes).await;
}

/// P-46: under a stream of messages each session that logs in counts each of them once.
#[tokio::test]
async fn no_message_is_counted_and_pushed() {
    const MESSAGES: usize = 300;
    /// S-67.
    const MOST_COUNTED: usize = 100;
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let sending = async {
        let mut last = None;
        for number in 0..MESSAGES {
            last = alice.request(message(&cid, &number.to_string())).await.ack_message.unwrap().t;
        }
        last.unwrap()
    };
    let logging_in = async {
        let mut bobs = Vec::new();
        for _ in 0..20 {
            bobs.push(server.client("bob").await);
        }
        bobs
    };
    let (last, bobs) = tokio::join!(sending, logging_in);
    for mut bob in bobs {
        let (mut counted, mut pushed, mut newest) = (0, 0, 0);
        while newest < last {
            let push = bob.push().await;
            if let Some(unread) = push.unread_message {
                assert_eq!(pushed, 0, "the counts come first");
                counted = usize::try_from(unread.convs[0].unread).unwrap();
                newest = unread.convs[0].timestamp.unwrap();
            } else if let Some(direct) = push.direct_message {
                assert!(direct.timestamp.unwrap() > newest, "pushed though it was counted");
                pushed += 1;
                newest = direct.timestamp.unwrap();
            }
        }
        assert_eq!(counted, (MESSAGES - pushed).min(MOST_COUNTED));
    }
}
