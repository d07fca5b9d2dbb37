//! A client that speaks raw frames.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::APP;
use crate::wire::{
    CommandType, ConvCommand, DirectCommand, GenericCommand, JsonObjectMessage, LogsCommand, OpType, SessionCommand,
};

/// No reply takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct Client {
    pub socket: Socket,
    serial: i32,
    /// Pushes that came while a reply was awaited.
    pushes: VecDeque<GenericCommand>,
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed {
    pub code: u16,
    pub reason: String,
}

pub async fn open(address: SocketAddr, sub_protocol: &str) -> Socket {
    let mut request = format!("ws://{address}/").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", sub_protocol.parse().unwrap());
    connect_async(request).await.unwrap().0
}

impl Client {
    /// As a page of a browser does.
    pub async fn connect_from(address: SocketAddr, origin: &str) -> Self {
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "lc.protobuf2.3".parse().unwrap());
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        Self { socket: connect_async(request).await.unwrap().0, serial: 0, pushes: VecDeque::new() }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self { socket: open(address, "lc.protobuf2.3").await, serial: 0, pushes: VecDeque::new() }
    }

    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a request and answers its serial number, without waiting for the reply.
    pub async fn start(&mut self, mut command: GenericCommand) -> i32 {
        self.serial += 1;
        command.i = Some(self.serial);
        self.send_bytes(command.encode_to_vec()).await;
        self.serial
    }

    /// Sends a request and waits for its reply.
    pub async fn request(&mut self, command: GenericCommand) -> GenericCommand {
        let serial = self.start(command).await;
        self.reply(serial).await
    }

    /// The reply to a request; pushes that come before it are kept for [`Self::push`].
    pub async fn reply(&mut self, serial: i32) -> GenericCommand {
        loop {
            let command = self.read().await;
            match command.i {
                Some(i) if i == serial => return command,
                Some(i) => panic!("a reply to {i} came before the one to {serial}"),
                None => self.pushes.push_back(command),
            }
        }
    }

    /// The next push.
    pub async fn push(&mut self) -> GenericCommand {
        if let Some(push) = self.pushes.pop_front() {
            return push;
        }
        let command = self.read().await;
        assert_eq!(command.i, None, "a reply where a push was due: {command:?}");
        command
    }

    /// The next frame, reply or push.
    pub async fn read(&mut self) -> GenericCommand {
        match self.frame().await {
            Ok(command) => command,
            Err(closed) => panic!("the socket closed: {closed:?}"),
        }
    }

    /// Waits for the end of the socket, passing over what still comes before.
    pub async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.frame().await {
                return closed;
            }
        }
    }

    /// A round trip: everything that the server wrote before is here after it.
    pub async fn assert_undisturbed(&mut self) {
        let echo = self.request(command(CommandType::Echo, None)).await;
        assert_eq!(echo.cmd(), CommandType::Echo);
        assert!(self.pushes.is_empty(), "{:?}", self.pushes);
    }

    /// The next frame, unless the socket ends.
    pub async fn frame(&mut self) -> Result<GenericCommand, Closed> {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.unwrap();
            match frame.map(Result::unwrap) {
                Some(Message::Binary(bytes)) => return Ok(GenericCommand::decode(bytes).unwrap()),
                Some(Message::Close(Some(frame))) => {
                    return Err(Closed { code: frame.code.into(), reason: frame.reason.to_string() });
                }
                Some(Message::Close(None)) | None => return Err(Closed { code: 1006, reason: String::new() }),
                Some(Message::Text(text)) => panic!("a text frame: {text}"),
                Some(_) => {}
            }
        }
    }

    pub async fn log_in(&mut self, id: &str) -> GenericCommand {
        let opened = self.request(login(Some(id), SessionCommand::default())).await;
        assert_eq!(opened.op(), OpType::Opened, "{opened:?}");
        opened
    }

    pub async fn create_conversation(&mut self, members: &[&str]) -> String {
        let created = self.request(conversation(OpType::Start, start(members))).await;
        created.conv_message.unwrap().cid.unwrap()
    }
}

pub fn command(kind: CommandType, op: Option<OpType>) -> GenericCommand {
    GenericCommand { cmd: Some(kind.into()), op: op.map(i32::from), ..GenericCommand::default() }
}

/// `session/open` as the SDKs send it.
pub fn login(id: Option<&str>, session: SessionCommand) -> GenericCommand {
    let session = SessionCommand { config_bitmap: session.config_bitmap.or(Some(187)), ..session };
    GenericCommand {
        app_id: Some(APP.into()),
        peer_id: id.map(str::to_owned),
        session_message: Some(session),
        ..command(CommandType::Session, Some(OpType::Open))
    }
}

pub fn conversation(op: OpType, conv: ConvCommand) -> GenericCommand {
    GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, Some(op)) }
}

pub fn start(members: &[&str]) -> ConvCommand {
    ConvCommand { m: texts(members), unique: Some(false), attr: Some(json("{}")), ..ConvCommand::default() }
}

pub fn members(cid: &str, members: &[&str]) -> ConvCommand {
    ConvCommand { cid: Some(cid.into()), m: texts(members), ..ConvCommand::default() }
}

pub fn message(cid: &str, text: &str) -> GenericCommand {
    let direct = DirectCommand { cid: Some(cid.into()), msg: Some(text.into()), ..DirectCommand::default() };
    GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }
}

pub fn history(cid: &str) -> GenericCommand {
    let logs = LogsCommand { cid: Some(cid.into()), l: Some(100), ..LogsCommand::default() };
    GenericCommand { logs_message: Some(logs), ..command(CommandType::Logs, None) }
}

pub fn json(data: &str) -> JsonObjectMessage {
    JsonObjectMessage { data: data.into() }
}

pub fn as_peer(id: &str, command: GenericCommand) -> GenericCommand {
    GenericCommand { peer_id: Some(id.into()), ..command }
}

pub fn error_code(reply: &GenericCommand) -> i32 {
    assert_eq!(reply.cmd(), CommandType::Error, "{reply:?}");
    reply.error_message.as_ref().unwrap().code
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
