//! Texts that no honest client sends, in every field of every command: each command is answered, and nothing else happens.

use hookd_im_core::app::ImSettings;

use crate::client::{Client, command, history, json, message};
use crate::server::Server;
use crate::wire::{
    AckCommand, BlacklistCommand, CommandType, ConvCommand, ConvMemberInfo, DirectCommand, GenericCommand, LogsCommand,
    OpType, PatchCommand, PatchItem, ReadCommand, ReadTuple, SessionCommand,
};

/// All that clients send, without the log-out.
const COMMANDS: [(CommandType, Option<OpType>); 30] = [
    (CommandType::Session, Some(OpType::Refresh)),
    (CommandType::Session, Some(OpType::Query)),
    (CommandType::Conv, Some(OpType::Start)),
    (CommandType::Conv, Some(OpType::Add)),
    (CommandType::Conv, Some(OpType::Remove)),
    (CommandType::Conv, Some(OpType::Mute)),
    (CommandType::Conv, Some(OpType::Unmute)),
    (CommandType::Conv, Some(OpType::Count)),
    (CommandType::Conv, Some(OpType::Query)),
    (CommandType::Conv, Some(OpType::Update)),
    (CommandType::Conv, Some(OpType::Members)),
    (CommandType::Conv, Some(OpType::MaxRead)),
    (CommandType::Conv, Some(OpType::IsMember)),
    (CommandType::Conv, Some(OpType::MemberInfoUpdate)),
    (CommandType::Conv, Some(OpType::AddShutup)),
    (CommandType::Conv, Some(OpType::RemoveShutup)),
    (CommandType::Conv, Some(OpType::QueryShutup)),
    (CommandType::Conv, Some(OpType::CheckShutup)),
    (CommandType::Direct, None),
    (CommandType::Logs, None),
    (CommandType::Patch, Some(OpType::Modify)),
    (CommandType::Read, None),
    (CommandType::Ack, None),
    (CommandType::Blacklist, Some(OpType::Block)),
    (CommandType::Blacklist, Some(OpType::Unblock)),
    (CommandType::Blacklist, Some(OpType::Query)),
    (CommandType::Blacklist, Some(OpType::CheckBlock)),
    (CommandType::Report, Some(OpType::Upload)),
    (CommandType::Data, None),
    (CommandType::Room, Some(OpType::Join)),
];

fn texts() -> Vec<String> {
    let short = [
        "",
        "\0",
        "a\0b",
        "'; DROP TABLE messages; --",
        "' OR '1'='1",
        "\"; DELETE FROM conversations WHERE \"1\"=\"1",
        "$$; SELECT pg_sleep(60); --",
        "%s%n%x{0}",
        "../../../../etc/passwd",
        "_tmp:",
        "_tmp:'",
        "*",
        "\u{FEFF}\u{202E}\u{FFFF}",
        r"\ud800",
        "-99999999999999999999999",
        "m,-m,$where,-$where",
    ];
    let long =
        ["x".repeat(60_000), "x".repeat(1_000), "\u{1F600}".repeat(500), "[".repeat(10_000), "{\"a\":".repeat(5_000)];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// JSON with the text in it, and where JSON must be, text that is none.
fn objects(text: &str) -> Vec<String> {
    let quoted = serde_json::json!(text).to_string();
    vec![
        text.to_owned(),
        format!("{{{quoted}:{quoted}}}"),
        format!("{{\"m\":{{\"$regex\":{quoted}}}}}"),
        format!("{{\"attr.{}\":{{\"$all\":[{quoted}]}}}}", text.len()),
        format!("{{\"name\":\"\\ud800{}\",\"a\":[\"\\udc00\"]}}", text.len()),
        format!("{{\"__op\":{quoted},\"objects\":[{quoted}]}}"),
    ]
}

/// A command with the text in every field, but the conversation's where that is given.
fn command_with(kind: (CommandType, Option<OpType>), text: &str, object: &str, cid: Option<&str>) -> GenericCommand {
    let (one, many) = (|| Some(text.to_owned()), || vec![text.to_owned(), text.to_owned()]);
    let cid = || cid.map(str::to_owned).or_else(one);
    let data = || Some(json(object));
    let session = SessionCommand {
        n: one(),
        s: one(),
        ua: one(),
        tag: one(),
        device_id: one(),
        session_peer_ids: many(),
        st: one(),
        device_token: one(),
        ..SessionCommand::default()
    };
    let direct = DirectCommand {
        cid: cid(),
        msg: one(),
        uid: one(),
        to_peer_ids: many(),
        dt: one(),
        push_data: Some(object.to_owned()),
        mention_pids: many(),
        ..DirectCommand::default()
    };
    let conv = ConvCommand {
        cid: cid(),
        m: many(),
        sort: one(),
        n: one(),
        s: one(),
        unique_id: one(),
        target_client_id: one(),
        cids: many(),
        info: Some(ConvMemberInfo { pid: one(), role: one(), info_id: one() }),
        temp_conv_ids: many(),
        next: one(),
        r#where: data(),
        attr: data(),
        ..ConvCommand::default()
    };
    let (mid, read) = (one(), ReadTuple { cid: cid().unwrap(), mid: one(), timestamp: Some(i64::MIN) });
    let patch = PatchItem {
        cid: cid(),
        mid: mid.clone(),
        timestamp: Some(i64::MAX),
        data: one(),
        from: one(),
        mention_pids: many(),
        ..PatchItem::default()
    };
    let blacklist = BlacklistCommand {
        src_cid: cid(),
        to_pids: many(),
        src_pid: one(),
        to_cids: many(),
        next: one(),
        n: one(),
        s: one(),
        ..BlacklistCommand::default()
    };
    let payload = command(kind.0, kind.1);
    match kind.0 {
        CommandType::Session => GenericCommand { session_message: Some(session), ..payload },
        CommandType::Direct => GenericCommand { direct_message: Some(direct), ..payload },
        CommandType::Logs => {
            let logs = LogsCommand { cid: cid(), mid, tmid: one(), checksum: one(), ..LogsCommand::default() };
            GenericCommand { logs_message: Some(logs), ..payload }
        }
        CommandType::Patch => {
            let patches = PatchCommand { patches: vec![patch], ..PatchCommand::default() };
            GenericCommand { patch_message: Some(patches), ..payload }
        }
        CommandType::Read => {
            let read = ReadCommand { cid: cid(), cids: many(), convs: vec![read] };
            GenericCommand { read_message: Some(read), ..payload }
        }
        CommandType::Ack => {
            let ack = AckCommand { cid: cid(), mid, uid: one(), r#type: one(), ids: many(), ..AckCommand::default() };
            GenericCommand { ack_message: Some(ack), ..payload }
        }
        CommandType::Blacklist => GenericCommand { blacklist_message: Some(blacklist), ..payload },
        _ => GenericCommand { conv_message: Some(conv), ..payload },
    }
}

/// Sends a command, and waits for its answer and for that to the next one. Receipts get none, and a frame that is too long closes
/// the socket.
async fn endures(server: &Server, client: &mut Client, sent: GenericCommand) {
    let is_receipt = matches!(sent.cmd(), CommandType::Ack | CommandType::Read);
    let asked = client.start(sent).await;
    let mut missing = vec![client.start(command(CommandType::Echo, None)).await];
    missing.extend((!is_receipt).then_some(asked));
    while !missing.is_empty() {
        match client.frame().await {
            Ok(answer) => missing.retain(|serial| answer.i != Some(*serial)),
            Err(closed) => {
                assert_eq!(closed.code, 4109, "{closed:?}");
                *client = server.client("mallory").await;
                return;
            }
        }
    }
}

#[tokio::test]
async fn every_command_is_answered_and_the_data_of_others_stay() {
    let all =
        ImSettings { message_edit: true, message_recall: true, blacklist: true, roles: true, ..ImSettings::default() };
    let server = Server::with_settings(all).await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "mallory"]).await;
    let said = alice.request(message(&cid, "here to stay")).await;
    assert_eq!(said.cmd(), CommandType::Ack);
    let mut mallory = server.client("mallory").await;
    for text in texts() {
        for kind in COMMANDS {
            let has_object = matches!(kind.0, CommandType::Conv | CommandType::Direct);
            let objects = if has_object { objects(&text) } else { vec![text.clone()] };
            for object in &objects {
                for cid in [None, Some(cid.as_str())] {
                    // Else it is not in it any more.
                    if kind != (CommandType::Conv, Some(OpType::Remove)) || cid.is_none() {
                        endures(&server, &mut mallory, command_with(kind, &text, object, cid)).await;
                    }
                }
            }
        }
    }
    let mut alice = server.client("alice").await;
    let logs = alice.request(history(&cid)).await.logs_message.unwrap().logs;
    assert!(logs.iter().any(|log| log.from.as_deref() == Some("alice") && log.data.as_deref() == Some("here to stay")));
    assert!(logs.iter().all(|log| ["alice", "mallory"].contains(&log.from.as_deref().unwrap())));
}
