//! The end of a socket, in a way that the peer sees the close code.

use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

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
