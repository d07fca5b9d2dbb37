//! The end of a socket, in a way that the peer sees the close code.

use std::time::Duration;

use futures::StreamExt;
use hookd_im_core::error::Code;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Why the loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The peer closed, or the connection broke.
    PeerGone,
    /// The server stops.
    Shutdown,
    /// The peer reads too slowly for what it is sent.
    SlowReader,
    /// With a code of the protocol (P-36).
    Code(Code),
    /// As `Outgoing::Close` says.
    ByServer {
        /// WebSocket close code.
        code: u16,
        /// Close reason.
        reason: &'static str,
    },
    /// A frame over [`super::config::FRAME_LIMIT_BYTES`]; the rest of it is still on the way.
    FrameTooLong,
    /// Bytes that are not a WebSocket frame.
    BrokenFraming,
}

impl Closing {
    /// What ends a socket that cannot be read. A lost connection never counts as a broken frame.
    pub(super) fn of(error: &SocketError) -> Self {
        match error {
            SocketError::Capacity(_) => Self::FrameTooLong,
            SocketError::Protocol(
                ProtocolError::ResetWithoutClosingHandshake
                | ProtocolError::ReceivedAfterClosing
                | ProtocolError::SendAfterClosing,
            ) => Self::PeerGone,
            SocketError::Protocol(_) | SocketError::Utf8(_) | SocketError::AttackAttempt => Self::BrokenFraming,
            _ => Self::PeerGone,
        }
    }

    /// Close code and reason; `None` when the peer is gone.
    pub(super) fn frame(self) -> Option<(u16, &'static str)> {
        let of = |code: Code| Some((u16::try_from(code.number()).unwrap_or(1011), code.name()));
        match self {
            Self::PeerGone => None,
            Self::Shutdown => Some((1001, "the server is shutting down")),
            Self::SlowReader => Some((1013, "the connection reads too slowly")),
            Self::Code(code) => of(code),
            Self::ByServer { code, reason } => Some((code, reason)),
            Self::FrameTooLong => of(Code::FrameTooLong),
            Self::BrokenFraming => of(Code::UnparseableRawMessage),
        }
    }

    /// The cause that `_clientOffline` names (S-98).
    pub(super) fn error(self) -> Option<Code> {
        match self {
            Self::Code(code) => Some(code),
            Self::FrameTooLong => Some(Code::FrameTooLong),
            Self::BrokenFraming => Some(Code::UnparseableRawMessage),
            Self::PeerGone | Self::Shutdown | Self::SlowReader | Self::ByServer { .. } => None,
        }
    }
}

/// How long the peer may take to read the close, to answer it and to end its side.
const LINGER: Duration = Duration::from_secs(3);

/// A peer that sends nothing for this long has sent all of its frame.
const QUIET: Duration = Duration::from_millis(300);

/// Bytes of a refused frame that are read and thrown away, so that the peer can read the close code at all: a socket
/// that is dropped with unread input is reset, and the reset destroys what was written before.
const DRAIN_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

const DRAIN_CHUNK_BYTES: usize = 16 * 1024;

/// Sends a close frame and waits, for a bounded time, until the peer has seen it.
///
/// `readable` means that the WebSocket layer can still find the next frame.
pub(super) async fn close<S>(mut socket: WebSocketStream<S>, code: u16, reason: &str, readable: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
    let farewell = async {
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
        let mut last = None;
        while readable && !matches!(last, Some(Err(_))) {
            match socket.next().await {
                None => return,
                next => last = next,
            }
        }
        drain(socket.get_mut()).await;
    };
    // A peer that takes longer loses the socket.
    let _ended = timeout(LINGER, farewell).await;
}

async fn drain<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = vec![0; DRAIN_CHUNK_BYTES];
    let mut left = DRAIN_LIMIT_BYTES;
    let mut open = true;
    while left > 0 {
        match timeout(QUIET, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(read)) => left = left.saturating_sub(read as u64),
            Err(_) if open => {
                open = false;
                if stream.shutdown().await.is_err() {
                    return;
                }
            }
            Err(_) => {}
        }
    }
}
