//! A client of hookd: protobuf commands over a WebSocket, as LeanCloud's client SDKs send them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use self::wire::{
    AckCommand, CommandType, ConvCommand, DirectCommand, GenericCommand, JsonObjectMessage, OpType, SessionCommand,
};
use crate::meter::{Ear, Meter};

/// Types generated from the server's `proto/realtime.proto`.
#[expect(clippy::all, reason = "generated")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/realtime.rs"));
}

const SUB_PROTOCOL: HeaderValue = HeaderValue::from_static("lc.protobuf2.3");

/// What the newest client of JavaScript asks for (P-51).
const CONFIG_BITMAP: i64 = 187;

/// After this time clients give a request up (P-12).
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// At most one acknowledgement of received messages in this time (P-85).
const ACKNOWLEDGED_EVERY: Duration = Duration::from_secs(1);

/// The generator holds many thousand connections, and messages are small.
const BUFFER_BYTES: usize = 4 * 1024;

type Socket = WebSocketStream<TcpStream>;

/// A client that is logged in.
pub struct Connection {
    socket: Socket,
    name: String,
    serial: i32,
}

impl Connection {
    /// Connects and logs in.
    pub async fn open(address: SocketAddr, app_id: &str, name: &str) -> anyhow::Result<Self> {
        let mut request = format!("ws://{address}/").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", SUB_PROTOCOL);
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut connection = Self { socket, name: name.to_owned(), serial: 0 };
        let session = SessionCommand {
            ua: Some("js/5.0.0-rc.8".to_owned()),
            r: Some(false),
            device_id: Some(format!("device-of-{name}")),
            config_bitmap: Some(CONFIG_BITMAP),
            ..SessionCommand::default()
        };
        let login = GenericCommand {
            app_id: Some(app_id.to_owned()),
            peer_id: Some(name.to_owned()),
            session_message: Some(session),
            ..command(CommandType::Session, Some(OpType::Open))
        };
        connection.request(login).await?;
        Ok(connection)
    }

    /// The client's id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates a conversation; answers its id.
    pub async fn create_conversation(&mut self, members: Vec<String>) -> anyhow::Result<String> {
        let attributes = JsonObjectMessage { data: "{}".to_owned() };
        let conversation =
            ConvCommand { m: members, unique: Some(false), attr: Some(attributes), ..ConvCommand::default() };
        let start =
            GenericCommand { conv_message: Some(conversation), ..command(CommandType::Conv, Some(OpType::Start)) };
        let started = self.request(start).await?;
        started.conv_message.and_then(|started| started.cid).context("the conversation has no id")
    }

    /// Sends a message and waits for its acknowledgement.
    pub async fn request_send(&mut self, conversation: &str, text: &str) -> anyhow::Result<()> {
        let sent = direct(conversation, text, format!("{}-{}", self.name, self.serial));
        self.request(sent).await.map(drop)
    }

    async fn request(&mut self, mut command: GenericCommand) -> anyhow::Result<GenericCommand> {
        self.serial += 1;
        command.i = Some(self.serial);
        self.socket.send(Message::binary(command.encode_to_vec())).await?;
        timeout(REPLY_TIMEOUT, self.reply()).await.context("no reply in time")?
    }

    async fn reply(&mut self) -> anyhow::Result<GenericCommand> {
        loop {
            let command = next(&mut self.socket).await?;
            if let Some(refusal) = refusal(&command) {
                bail!("refused: {refusal}");
            }
            if command.i == Some(self.serial) {
                return Ok(command);
            }
        }
    }

    /// Starts the tasks that read and write.
    pub fn listen(
        self,
        tasks: &mut JoinSet<()>,
        (outgoing, waiting): (mpsc::UnboundedSender<Bytes>, mpsc::UnboundedReceiver<Bytes>),
        meter: &Arc<Meter>,
    ) {
        let (sink, stream) = self.socket.split();
        let (writing, reading, mut ear) = (meter.clone(), meter.clone(), Ear::new(meter));
        tasks.spawn(async move {
            if let Err(error) = write(sink, waiting).await {
                writing.fail(format!("a client cannot write: {error}"));
            }
        });
        tasks.spawn(async move {
            if let Err(error) = read(stream, &outgoing, &mut ear).await {
                reading.fail(format!("a client cannot read: {error:#}"));
            }
        });
    }
}

/// The bytes of one message.
pub fn message(conversation: &str, text: &str, message: u64, serial: i32) -> Bytes {
    GenericCommand { i: Some(serial), ..direct(conversation, text, message.to_string()) }.encode_to_vec().into()
}

fn direct(conversation: &str, text: &str, token: String) -> GenericCommand {
    let message = DirectCommand {
        cid: Some(conversation.to_owned()),
        // Typed as by the SDKs; the text has nothing in it that JSON would escape.
        msg: Some(format!(r#"{{"_lctype":-1,"_lctext":"{text}"}}"#)),
        dt: Some(token),
        mention_all: Some(false),
        ..DirectCommand::default()
    };
    GenericCommand { direct_message: Some(message), ..command(CommandType::Direct, None) }
}

fn command(cmd: CommandType, op: Option<OpType>) -> GenericCommand {
    GenericCommand { cmd: Some(cmd.into()), op: op.map(Into::into), ..GenericCommand::default() }
}

async fn next<S>(stream: &mut S) -> anyhow::Result<GenericCommand>
where
    S: futures::Stream<Item = Result<Message, SocketError>> + Unpin,
{
    loop {
        match stream.next().await.context("the server closed the connection")?? {
            Message::Binary(bytes) => return Ok(GenericCommand::decode(bytes)?),
            Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
            _ => {}
        }
    }
}

/// What a server did not want (P-10).
fn refusal(command: &GenericCommand) -> Option<String> {
    if let Some(error) = &command.error_message {
        return Some(format!("{} {} {}", error.code, error.reason, error.detail.as_deref().unwrap_or_default()));
    }
    let ack = command.ack_message.as_ref()?;
    Some(format!("{} {}", ack.code?, ack.reason.as_deref().unwrap_or_default()))
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut waiting: mpsc::UnboundedReceiver<Bytes>,
) -> Result<(), SocketError> {
    while let Some(first) = waiting.recv().await {
        sink.feed(Message::Binary(first)).await?;
        while let Ok(next) = waiting.try_recv() {
            sink.feed(Message::Binary(next)).await?;
        }
        sink.flush().await?;
    }
    Ok(())
}

async fn read(
    mut stream: SplitStream<Socket>,
    outgoing: &mpsc::UnboundedSender<Bytes>,
    ear: &mut Ear,
) -> anyhow::Result<()> {
    let mut conversations: HashMap<String, Received> = HashMap::new();
    loop {
        let command = next(&mut stream).await?;
        if let Some(refusal) = refusal(&command) {
            bail!("the server refused a message: {refusal}");
        }
        let Some(message) = command.direct_message else { continue };
        ear.delivered(message.msg.as_deref().unwrap_or_default().as_bytes());
        let (Some(conversation), Some(timestamp)) = (message.cid, message.timestamp) else { continue };
        let range = match conversations.get_mut(&conversation) {
            Some(received) => received.add(timestamp),
            None => conversations.entry(conversation.clone()).or_default().add(timestamp),
        };
        if let Some(range) = range {
            // The task that writes ends with this one.
            let _ = outgoing.send(acknowledgement(conversation, range));
        }
    }
}

/// Messages that are not acknowledged yet, of one conversation.
#[derive(Default)]
struct Received {
    since: Option<i64>,
    acknowledged: Option<Instant>,
}

impl Received {
    /// Takes a message; answers the range of an acknowledgement when one is due.
    fn add(&mut self, timestamp: i64) -> Option<(i64, i64)> {
        let since = *self.since.get_or_insert(timestamp);
        if self.acknowledged.is_some_and(|last| last.elapsed() < ACKNOWLEDGED_EVERY) {
            return None;
        }
        self.acknowledged = Some(Instant::now());
        self.since = None;
        Some((since, timestamp))
    }
}

fn acknowledgement(conversation: String, (from, to): (i64, i64)) -> Bytes {
    let ack = AckCommand { cid: Some(conversation), fromts: Some(from), tots: Some(to), ..AckCommand::default() };
    let ack = GenericCommand { ack_message: Some(ack), ..command(CommandType::Ack, None) };
    ack.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::Received;

    /// P-85.
    #[test]
    fn an_acknowledgement_covers_all_that_came_since_the_last_one() {
        let mut received = Received::default();
        assert_eq!(received.add(10), Some((10, 10)));
        assert_eq!(received.add(11), None);
        assert_eq!(received.add(12), None);
        received.acknowledged = None;
        assert_eq!(received.add(13), Some((11, 13)));
    }
}
