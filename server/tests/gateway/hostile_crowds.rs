//! Clients that come and go by the thousand, and leave in the middle of everything.

use std::time::{Duration, Instant};

use hookd_im_core::ids::{AppId, ClientId};
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Client, login, message};
use crate::server::{APP, Server};
use crate::wire::{CommandType, SessionCommand};

const CONNECTIONS: usize = 10_000;

/// Of them at a time.
const AT_ONCE: usize = 64;

/// Memory that may be more afterwards: what the allocator keeps, and what is remembered of ended sessions.
const MORE_KIB: usize = 64 * 1024;

fn value_of(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}

/// Comes as far as its number says, and is gone.
async fn come_and_go(address: std::net::SocketAddr, number: usize) {
    match number % 5 {
        0 => drop(TcpStream::connect(address).await.unwrap()),
        1 => {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upg").await.unwrap();
        }
        2 => drop(Client::connect(address).await),
        3 => {
            let mut client = Client::connect(address).await;
            client.log_in(&format!("crowd {number}")).await;
        }
        _ => {
            let mut client = Client::connect(address).await;
            // The answer is not waited for.
            client.start(login(Some(&format!("crowd {number}")), SessionCommand::default())).await;
            let half = message("64f0c0ffee0000000000a001", "hi").encode_to_vec();
            client.send_bytes(half[..half.len() / 2].to_vec()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_talk_on_while_ten_thousand_come_and_go_and_nothing_is_left_of_them() {
    let server = Server::start().await;
    let (mut alice, mut bob) = (server.client("alice").await, server.client("bob").await);
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let (descriptors_before, memory_before) = (descriptors(), value_of("VmRSS:"));
    let crowd = async {
        let (mut present, mut numbers) = (JoinSet::new(), 0..CONNECTIONS);
        for number in numbers.by_ref().take(AT_ONCE) {
            present.spawn(come_and_go(server.address, number));
        }
        while let Some(gone) = present.join_next().await {
            gone.unwrap();
            if let Some(number) = numbers.next() {
                present.spawn(come_and_go(server.address, number));
            }
        }
    };
    let (mut said, mut slowest) = (0, Duration::ZERO);
    let talk = async {
        loop {
            let begin = Instant::now();
            let answer = alice.request(message(&cid, &said.to_string())).await;
            assert_eq!(answer.cmd(), CommandType::Ack, "{answer:?}");
            let received = loop {
                let push = bob.push().await;
                if push.cmd() == CommandType::Direct {
                    break push.direct_message.unwrap();
                }
            };
            assert_eq!(received.msg, Some(said.to_string()), "in order, and none is missing");
            slowest = slowest.max(begin.elapsed());
            said += 1;
        }
    };
    tokio::select! {
        () = crowd => {}
        () = talk => {}
    }
    assert!(said > 10, "they talked {said} times");
    assert!(slowest < Duration::from_secs(5), "a message took {slowest:?}");
    let online = || server.core.online.clients(&AppId::new(APP)).len();
    until("the sessions of the crowd end", || online() == 2).await;
    assert!(server.core.online.is_online(&AppId::new(APP), &ClientId::new("alice")));
    until("its descriptors are given back", || descriptors() <= descriptors_before + 4).await;
    let more = value_of("VmRSS:").saturating_sub(memory_before);
    assert!(more < MORE_KIB, "{more} KiB more than before");
}
