//! F-8: ids, tokens and lists that are longer than any client needs, and readers that do not read.

use std::time::{Duration, Instant};

use hookd_im_core::ids::{AppId, ClientId};
use hookd_server::GatewayConfig;

use crate::client::{Client, command, conversation, error_code, history, json, login, members, message, start};
use crate::server::{APP, Server};
use crate::wire::{
    BlacklistCommand, CommandType, ConvCommand, ConvMemberInfo, DirectCommand, ErrorCommand, GenericCommand,
    LogsCommand, OpType, SessionCommand,
};

/// As many bytes as a frame takes beside the rest of a command.
const LONG: usize = 60_000;

fn long() -> String {
    "x".repeat(LONG)
}

fn detail(reply: &GenericCommand) -> String {
    reply.error_message.as_ref().unwrap().detail.clone().unwrap_or_default()
}

fn direct(cid: &str, rest: DirectCommand) -> GenericCommand {
    let direct = DirectCommand { cid: Some(cid.into()), msg: Some("hi".into()), ..rest };
    GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }
}

fn logs(logs: LogsCommand) -> GenericCommand {
    GenericCommand { logs_message: Some(logs), ..command(CommandType::Logs, None) }
}

fn role(cid: &str, target: &str, role: &str) -> GenericCommand {
    let info = ConvMemberInfo { role: Some(role.into()), ..ConvMemberInfo::default() };
    let conv = ConvCommand { target_client_id: Some(target.into()), info: Some(info), ..members(cid, &[]) };
    conversation(OpType::MemberInfoUpdate, conv)
}

fn blacklist(blacklist: BlacklistCommand) -> GenericCommand {
    GenericCommand { blacklist_message: Some(blacklist), ..command(CommandType::Blacklist, Some(OpType::Block)) }
}

fn blocking(cid: &str) -> BlacklistCommand {
    BlacklistCommand { src_cid: Some(cid.into()), to_pids: vec!["bob".into()], ..BlacklistCommand::default() }
}

fn refusing() -> BlacklistCommand {
    BlacklistCommand { src_pid: Some("alice".into()), ..BlacklistCommand::default() }
}

#[tokio::test]
async fn a_field_that_is_too_long_is_refused_by_name_and_the_next_request_works() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let cid = client.create_conversation(&["alice"]).await;
    client.push().await;
    client.push().await;
    let many = |number| (0..number).map(|number| number.to_string()).collect::<Vec<_>>();
    let named = |id: &str| vec!["bob".to_owned(), id.to_owned()];
    let mentions = |mention_pids| direct(&cid, DirectCommand { mention_pids, ..DirectCommand::default() });
    let query = |conv| conversation(OpType::Query, conv);
    let requests = [
        (direct(&cid, DirectCommand { dt: Some(long()), ..DirectCommand::default() }), 4109, "`dt`"),
        (direct(&cid, DirectCommand { dt: Some("x".repeat(129)), ..DirectCommand::default() }), 4109, "128"),
        (mentions(many(501)), 4109, "`mentionPids`"),
        (mentions(named(&long())), 4109, "`mentionPids`"),
        (mentions(named(&"x".repeat(65))), 4109, "64"),
        (mentions(named("")), 4109, "0 characters"),
        (mentions(vec!["\u{1F600}".repeat(60); 150]), 4109, "36000 bytes"),
        (message(&long(), "hi"), 4401, "`cid`"),
        (history(&long()), 4303, "`cid`"),
        (logs(LogsCommand { cid: Some(cid.clone()), mid: Some(long()), ..LogsCommand::default() }), 4301, "`mid`"),
        (logs(LogsCommand { cid: Some(cid.clone()), tmid: Some(long()), ..LogsCommand::default() }), 4301, "`tmid`"),
        (conversation(OpType::Add, members(&long(), &["bob"])), 4303, "`cid`"),
        (conversation(OpType::Add, members(&cid, &[&long()])), 4301, "`m`"),
        (conversation(OpType::Add, members(&cid, &[""])), 4301, "0 characters"),
        (conversation(OpType::Add, ConvCommand { m: many(501), ..members(&cid, &[]) }), 4301, "501"),
        (conversation(OpType::Remove, members(&cid, &[&"x".repeat(65)])), 4301, "65"),
        (conversation(OpType::Count, members(&long(), &[])), 4303, "`cid`"),
        (conversation(OpType::Start, start(&["alice", &long()])), 4301, "`m`"),
        (conversation(OpType::Start, ConvCommand { m: many(501), ..start(&[]) }), 4304, "501"),
        (query(ConvCommand { sort: Some(long()), ..ConvCommand::default() }), 4310, "`sort`"),
        (conversation(OpType::AddShutup, members(&long(), &["bob"])), 4303, "`cid`"),
        (conversation(OpType::AddShutup, members(&cid, &[&long()])), 4301, "`m`"),
        (conversation(OpType::RemoveShutup, ConvCommand { m: many(501), ..members(&cid, &[]) }), 4301, "501"),
        (conversation(OpType::CheckShutup, members(&cid, &[""])), 4301, "0 characters"),
        (conversation(OpType::QueryShutup, ConvCommand { next: Some(long()), ..members(&cid, &[]) }), 4301, "`next`"),
        (role(&cid, &long(), "Manager"), 4301, "`targetClientId`"),
        (role(&cid, &"x".repeat(65), "Manager"), 4325, "hookd settings --roles on"),
        (role(&cid, "bob", &long()), 4321, "`info.role`"),
        (blacklist(BlacklistCommand { src_cid: Some(long()), ..BlacklistCommand::default() }), 4303, "`srcCid`"),
        (blacklist(BlacklistCommand { to_pids: many(501), ..blocking(&cid) }), 4301, "501"),
        (blacklist(BlacklistCommand { to_pids: named(&long()), ..blocking(&cid) }), 4301, "`toPids`"),
        (blacklist(BlacklistCommand { to_cids: many(501), ..refusing() }), 4301, "501"),
        (blacklist(BlacklistCommand { to_cids: named(&long()), ..refusing() }), 4301, "`toCids`"),
        (blacklist(BlacklistCommand { src_pid: Some(long()), ..refusing() }), 4301, "`srcPid`"),
        (blacklist(BlacklistCommand { src_pid: Some("bob".into()), ..refusing() }), 4301, "`srcPid`"),
        (blacklist(BlacklistCommand { next: Some(long()), ..blocking(&cid) }), 4301, "`next`"),
        (blacklist(BlacklistCommand { s: Some(long()), ..blocking(&cid) }), 4546, "`s`"),
        (blacklist(blocking(&cid)), 4544, "hookd settings --blacklist on"),
        (blacklist(refusing()), 4544, "hookd settings --blacklist on"),
        (query(ConvCommand { temp_conv_ids: many(501), ..ConvCommand::default() }), 4310, "`tempConvIds`"),
    ];
    for (request, code, named) in requests {
        let reply = client.request(request).await;
        assert_eq!(error_code(&reply), code, "{named}");
        assert!(detail(&reply).contains(named), "{}", detail(&reply));
    }
    client.assert_undisturbed().await;
    let longest = DirectCommand {
        dt: Some("x".repeat(128)),
        mention_pids: (0..500).map(|number| format!("{number:064}")).collect(),
        ..DirectCommand::default()
    };
    assert_eq!(client.request(direct(&cid, longest)).await.cmd(), CommandType::Ack);
    let wide = "\u{1F600}".repeat(64);
    assert_eq!(client.request(conversation(OpType::Add, members(&cid, &[&wide]))).await.op(), OpType::Added);
}

#[tokio::test]
async fn an_id_that_only_a_filter_names_is_looked_for_and_not_kept() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let filter = json(&format!("{{\"objectId\":\"{}\"}}", long()));
    let query = ConvCommand { r#where: Some(filter), ..ConvCommand::default() };
    let reply = client.request(conversation(OpType::Query, query)).await;
    assert_eq!(reply.conv_message.unwrap().results.unwrap().data, "[]");
}

#[tokio::test]
async fn logins_with_long_devices_tags_and_tokens_are_refused() {
    let server = Server::start().await;
    let session = SessionCommand::default;
    for (session, code, named) in [
        (SessionCommand { device_id: Some(long()), ..session() }, 4103, "`deviceId`"),
        (SessionCommand { device_token: Some("x".repeat(257)), ..session() }, 4103, "`deviceToken`"),
        (SessionCommand { tag: Some(long()), ..session() }, 4103, "`tag`"),
        (SessionCommand { st: Some(long()), r: Some(true), ..session() }, 4112, "`st`"),
    ] {
        let mut client = Client::connect(server.address).await;
        client.log_in("first").await;
        let reply = client.request(login(Some("second"), session)).await;
        assert_eq!(error_code(&reply), code);
        assert!(detail(&reply).contains(named), "{}", detail(&reply));
        client.assert_undisturbed().await;
    }
    let mut client = Client::connect(server.address).await;
    let of_no_app = GenericCommand { app_id: Some(long()), ..login(Some("first"), session()) };
    let reply = client.request(of_no_app).await;
    assert_eq!(error_code(&reply), 4100);
    assert!(detail(&reply).len() < 200, "the id comes back");
}

/// A token holds what its login named, with escapes: the longest is still taken.
#[tokio::test]
async fn the_longest_login_gets_a_token_that_it_comes_back_with() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let longest = "\u{1}".repeat(256);
    let session = SessionCommand { device_id: Some(longest.clone()), tag: Some(longest), ..SessionCommand::default() };
    let id = "\u{1}".repeat(64);
    let opened = client.request(login(Some(&id), session)).await;
    let st = opened.session_message.unwrap().st;
    let again = SessionCommand { st, r: Some(true), ..SessionCommand::default() };
    assert_eq!(client.request(login(Some(&id), again)).await.op(), OpType::Opened);
}

/// Nine thousand empty items fit into a frame.
#[tokio::test]
async fn lists_that_no_use_case_reads_are_not_kept() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let empty = ErrorCommand::default();
    let conv = ConvCommand { failed_pids: vec![empty; 9_000], cid: Some("c".into()), ..ConvCommand::default() };
    assert_eq!(error_code(&client.request(conversation(OpType::Count, conv)).await), 4303);
    client.assert_undisturbed().await;
}

/// Resident memory in KiB: the most since the last call, after which it is counted anew.
fn most_resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    most.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A server that gives slow readers up early, a client, and a query with an answer of 1.5 MB.
async fn large_answers() -> (Server, Client, GenericCommand) {
    let config = GatewayConfig { write_timeout: Duration::from_secs(2), ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let mut alice = server.client("alice").await;
    let large = format!("{{\"attr\":{{\"text\":\"{}\"}}}}", "x".repeat(60_000));
    for _ in 0..25 {
        let with_text = ConvCommand { attr: Some(json(&large)), ..start(&["alice"]) };
        alice.start(conversation(OpType::Start, with_text)).await;
        while alice.read().await.op() != OpType::MembersJoined {}
    }
    let filter = Some(json("{\"m\":\"alice\"}"));
    let query = conversation(OpType::Query, ConvCommand { r#where: filter, limit: Some(25), ..ConvCommand::default() });
    let answer = alice.request(query.clone()).await;
    assert!(answer.conv_message.unwrap().results.unwrap().data.len() > 1_500_000);
    (server, alice, query)
}

/// Logs in, asks as much as may be in work at a time, and reads none of it.
async fn asks_without_reading(server: &Server, id: &str, query: &GenericCommand) -> Client {
    let mut client = server.client(id).await;
    for _ in 0..64 {
        client.start(query.clone()).await;
    }
    client
}

/// Waits until the clients are offline; another one goes on meanwhile.
async fn until_closed(server: &Server, ids: &[String], other: &mut Client) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_open = |id: &String| server.core.online.is_online(&AppId::new(APP), &ClientId::new(id.as_str()));
    while ids.iter().any(is_open) {
        assert!(Instant::now() < deadline, "they are not closed");
        other.assert_undisturbed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_ask_much_and_read_nothing_hold_little() {
    let (server, mut alice, query) = large_answers().await;
    let ids: Vec<_> = (0..6).map(|number| format!("reader {number}")).collect();
    most_resident();
    let before = most_resident();
    let mut readers = Vec::new();
    for id in &ids {
        readers.push(asks_without_reading(&server, id, &query).await);
    }
    until_closed(&server, &ids, &mut alice).await;
    let most = most_resident();
    assert!(most < before + 100 * 1024, "{before} KiB before, {most} KiB at most");
    assert_eq!(alice.request(query).await.op(), OpType::Results, "the next query works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_closed_with_a_code_of_its_own() {
    let (server, mut alice, query) = large_answers().await;
    let mut reader = asks_without_reading(&server, "reader", &query).await;
    until_closed(&server, &["reader".to_owned()], &mut alice).await;
    assert_eq!(reader.closed().await.code, 1013);
}
