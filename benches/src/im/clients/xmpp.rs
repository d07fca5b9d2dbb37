//! A client of an XMPP server (RFC 6120, 6121; rooms by XEP-0045), with no more than a measurement needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::meter::{Ear, Meter};

/// The domain that the servers serve.
pub const DOMAIN: &str = "localhost";

/// Of every account.
pub const PASSWORD: &str = "secret";

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that logs in again while the server still knows the one before has a name of its own.
static RESOURCE: AtomicU64 = AtomicU64::new(0);

/// A client that is logged in.
pub struct Connection {
    reader: Reader<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    buffer: Vec<u8>,
    name: String,
    rooms: &'static str,
}

/// The address of a client.
pub fn address(name: &str) -> String {
    format!("{name}@{DOMAIN}")
}

/// The bytes of one message.
pub fn message(to: &str, kind: &str, text: &str, message: u64) -> Bytes {
    // The text has nothing in it that XML would escape.
    format!("<message to='{to}' type='{kind}' id='{message}'><body>{text}</body></message>").into()
}

impl Connection {
    /// Connects and logs in, until messages to the client reach it.
    pub async fn open(address: SocketAddr, rooms: &'static str, name: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let reader = Reader::from_reader(BufReader::new(reader));
        let mut connection = Self { reader, writer, buffer: Vec::new(), name: name.to_owned(), rooms };
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        );
        connection.ask(&header, "features").await?;
        let credentials = STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>");
        connection.ask(&auth, "success").await?;
        connection.ask(&header, "features").await?;
        let resource = RESOURCE.fetch_add(1, Ordering::Relaxed);
        let bind = format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>r{resource}</resource></bind></iq>"
        );
        connection.ask(&bind, "iq").await?;
        let session = "<iq type='set' id='session'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";
        connection.ask(session, "iq").await?;
        connection.ask("<presence/>", "presence").await?;
        Ok(connection)
    }

    /// Creates a room and comes into it; answers its address.
    pub async fn create_room(&mut self, name: &str) -> anyhow::Result<String> {
        let room = format!("{name}@{}", self.rooms);
        self.join(&room).await?;
        // Others can come in once the owner has taken its settings as they are.
        let settings = format!(
            "<iq type='set' id='room' to='{room}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'/></query></iq>"
        );
        self.ask(&settings, "iq").await?;
        Ok(room)
    }

    /// Comes into a room.
    pub async fn join(&mut self, room: &str) -> anyhow::Result<()> {
        let presence = format!(
            "<presence to='{room}/{}'><x xmlns='http://jabber.org/protocol/muc'>\
             <history maxstanzas='0'/></x></presence>",
            self.name
        );
        // The subject is the last of what a room tells at the beginning.
        self.ask(&presence, "subject").await
    }

    /// Sends something and reads up to the end of the element that answers it.
    async fn ask(&mut self, sent: &str, answer: &str) -> anyhow::Result<()> {
        self.writer.write_all(sent.as_bytes()).await?;
        timeout(ANSWER_TIMEOUT, self.answer(answer)).await.context("no answer in time")?
    }

    async fn answer(&mut self, answer: &str) -> anyhow::Result<()> {
        loop {
            self.buffer.clear();
            match self.reader.read_event_into_async(&mut self.buffer).await? {
                Event::Start(start) | Event::Empty(start) if start.local_name().as_ref() == "failure" => {
                    bail!("the server refused the login");
                }
                Event::Start(start) | Event::Empty(start) if is_error(&start)? => {
                    bail!("the server refused: {}", &*start);
                }
                Event::Empty(empty) if empty.local_name().as_ref() == answer => return Ok(()),
                Event::End(end) if end.local_name().as_ref() == answer => return Ok(()),
                Event::Eof => bail!("the server closed the connection"),
                _ => {}
            }
        }
    }

    /// Starts the tasks that read and write.
    pub fn listen(self, tasks: &mut JoinSet<()>, waiting: mpsc::UnboundedReceiver<Bytes>, meter: &Arc<Meter>) {
        let (writing, reading, mut ear) = (meter.clone(), meter.clone(), Ear::new(meter));
        let (reader, writer) = (self.reader, self.writer);
        tasks.spawn(async move {
            if let Err(error) = write(writer, waiting).await {
                writing.fail(format!("a client cannot write: {error}"));
            }
        });
        tasks.spawn(async move {
            if let Err(error) = read(reader, &mut ear).await {
                reading.fail(format!("a client cannot read: {error:#}"));
            }
        });
    }
}

fn is_error(start: &BytesStart<'_>) -> anyhow::Result<bool> {
    Ok(start.try_get_attribute("type")?.is_some_and(|kind| kind.value.as_ref() == "error"))
}

async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::UnboundedReceiver<Bytes>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(first) = waiting.recv().await {
        bytes.clear();
        bytes.extend_from_slice(&first);
        while let Ok(next) = waiting.try_recv() {
            bytes.extend_from_slice(&next);
        }
        writer.write_all(&bytes).await?;
    }
    Ok(())
}

async fn read(mut reader: Reader<BufReader<OwnedReadHalf>>, ear: &mut Ear) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    let mut is_in_body = false;
    loop {
        buffer.clear();
        match reader.read_event_into_async(&mut buffer).await? {
            Event::Start(start) => {
                is_in_body = start.local_name().as_ref() == "body";
                if start.local_name().as_ref() == "message" && is_error(&start)? {
                    bail!("the server refused a message: {}", &*start);
                }
            }
            Event::Text(text) if is_in_body => ear.delivered(text.as_bytes()),
            Event::End(_) => is_in_body = false,
            Event::Eof => bail!("the server closed the connection"),
            _ => {}
        }
    }
}
