//! Commands of a client that has logged in.

use std::collections::HashMap;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use hookd_server::fuzzing::{Answer, answer, commands, log_in, start_conversation};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{connect_to, server};

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// As many as one socket may have in work.
const MOST_COMMANDS: usize = 64;

type Socket = WebSocketStream<TcpStream>;

/// Commands, each behind its length, of a client with a conversation `c`: each is answered once, or the socket closes.
pub(crate) fn command(bytes: &[u8]) {
    let server = server();
    let exchange = exchange(&server.running.address, &server.running.app, bytes);
    #[expect(clippy::expect_used, reason = "what does not come is what the fuzzer looks for")]
    server.runtime.block_on(async { timeout(PATIENCE, exchange).await }).expect("every command is answered");
}

async fn exchange(address: &str, app: &str, bytes: &[u8]) {
    let mut socket = connect(address).await;
    send(&mut socket, log_in(app, "tom", 1)).await;
    reply(&mut socket, 1).await;
    send(&mut socket, start_conversation("jerry", 2)).await;
    let started = reply(&mut socket, 2).await;
    let conversation = started.and_then(|started| started.conversation).unwrap_or_default();
    assert!(!conversation.is_empty(), "a conversation begins");

    let mut waiting: HashMap<i32, usize> = HashMap::new();
    for sent in commands(bytes, &conversation).into_iter().take(MOST_COMMANDS) {
        if let Some(serial) = sent.serial {
            *waiting.entry(serial).or_default() += 1;
        }
        send(&mut socket, sent.frame).await;
    }
    while !waiting.is_empty() {
        let Some(answer) = next(&mut socket).await else { break };
        let Some(serial) = answer.serial else { continue };
        if let Some(count) = waiting.get_mut(&serial) {
            *count -= 1;
            waiting.retain(|_, count| *count > 0);
        }
    }
    // After any input, the server still serves others.
    let mut other = connect(address).await;
    send(&mut other, log_in(app, "spike", 1)).await;
    assert!(reply(&mut other, 1).await.is_some(), "another client logs in");
}

#[expect(clippy::expect_used, reason = "a server that does not take connections is what the fuzzer looks for")]
async fn connect(address: &str) -> Socket {
    let mut request = format!("ws://{address}/").into_client_request().expect("a URL");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("lc.protobuf2.3"));
    let stream = connect_to(address).await;
    client_async(request, stream).await.expect("a handshake").0
}

/// The socket may have closed meanwhile.
async fn send(socket: &mut Socket, frame: Vec<u8>) {
    let _ = socket.send(Message::binary(frame)).await;
}

async fn reply(socket: &mut Socket, serial: i32) -> Option<Answer> {
    loop {
        let answer = next(socket).await?;
        if answer.serial == Some(serial) {
            return Some(answer);
        }
    }
}

/// The next frame; `None` when the socket has closed.
async fn next(socket: &mut Socket) -> Option<Answer> {
    loop {
        if let Message::Binary(frame) = socket.next().await?.ok()? {
            let answer = answer(&frame);
            assert!(answer.is_some(), "the server sends commands");
            return answer;
        }
    }
}
