//! An engine over HTTP that tells once which hooks it has, and is then gone.
//!
//! An engine that never lived would not do: as long as hookd does not know an engine's hooks it takes all of them for defined,
//! also those that are called after each message.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

const HOOKS: &str = r#"{"result":["_messageReceived"]}"#;
const REPLY: &str = r#"{"result":{}}"#;

/// hookd asks a new engine at once.
const ASKED_WITHIN: Duration = Duration::from_secs(20);

/// As long as it lives it answers every call.
pub struct EngineThatDies {
    address: SocketAddr,
    url: String,
    told: mpsc::Receiver<()>,
    end: mpsc::Sender<()>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl EngineThatDies {
    /// Starts on a free port.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (has_told, told) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if ended.try_recv().is_ok() {
                    break;
                }
                // Nobody may wait any more.
                if answer(&socket?)? {
                    let _ = has_told.send(());
                }
            }
            Ok(())
        });
        Ok(Self { address, url: format!("http://{address}"), told, end, thread })
    }

    /// For the settings of an app.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until hookd knows its hooks, and ends.
    pub fn die(self) -> anyhow::Result<()> {
        self.told.recv_timeout(ASKED_WITHIN).context("hookd did not ask for the hooks of an engine")?;
        self.end.send(())?;
        // Wakes the thread.
        drop(TcpStream::connect(self.address)?);
        Ok(self.thread.join().map_err(|_| anyhow!("the engine failed"))??)
    }
}

/// Answers one request; true when it asked for the hooks.
fn answer(mut socket: &TcpStream) -> std::io::Result<bool> {
    let mut reader = BufReader::new(socket);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    // A connection that is closed before its request was read is reset.
    std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink())?;
    let asks_for_hooks = request.contains("/_ops/metadatas");
    let body = if asks_for_hooks { HOOKS } else { REPLY };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len())?;
    Ok(asks_for_hooks)
}
