//! Requests of the RPC in their plainest form, which needs no general HTTP server.

use std::pin::pin;

use bytes::{Buf as _, BytesMut};
use futures::{FutureExt as _, StreamExt as _};
use hookd_runtime::{AnswerWriter, PlainRequest, Received, Reply, RpcConnection};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::unconstrained;

use super::connections::{Event, Events};

/// Room that is made for the next bytes: an ordinary request with its body.
const READ_BYTES: usize = 4 << 10;

/// Of each buffer, what a connection holds between its requests.
const KEPT_BYTES: usize = 16 << 10;

/// Times without a request in which a peer may leave an answer unread: one of them may have been over as good as at once.
const UNREAD_TIMES: u32 = 2;

/// A connection whose requests have all been plain so far.
pub struct PlainConnection<'a, I> {
    io: &'a mut I,
    rpc: &'a RpcConnection,
    events: &'a mut Events,
    received: BytesMut,
    /// What came while a request was answered.
    ahead: BytesMut,
    answers: AnswerWriter,
    written: Vec<u8>,
    /// There was a request since the idle time began.
    is_used: bool,
    /// The server stops.
    is_last: bool,
}

/// The connection is over.
struct Over;

impl<'a, I: AsyncRead + AsyncWrite + Unpin> PlainConnection<'a, I> {
    pub fn new(io: &'a mut I, rpc: &'a RpcConnection, events: &'a mut Events) -> Self {
        Self {
            io,
            rpc,
            events,
            received: BytesMut::new(),
            ahead: BytesMut::new(),
            answers: AnswerWriter::default(),
            written: Vec::new(),
            is_used: false,
            is_last: false,
        }
    }

    /// Answers plain requests until another one comes: then what was received of that. `None` when the connection is over.
    pub async fn serve(mut self) -> Option<BytesMut> {
        self.answer_all().await.ok()?;
        Some(self.received)
    }

    async fn answer_all(&mut self) -> Result<(), Over> {
        loop {
            let bytes = match Received::read(&self.received) {
                Received::Other => return Ok(()),
                Received::PartOfHead => {
                    self.receive().await?;
                    continue;
                }
                Received::PartOfBody => {
                    if self.has_more()? {
                        continue;
                    }
                    // A body on its way has a deadline, which the general server keeps.
                    return Ok(());
                }
                Received::Plain(request) => {
                    let attendance = Attendance {
                        io: &mut *self.io,
                        events: &mut *self.events,
                        ahead: &mut self.ahead,
                        is_last: &mut self.is_last,
                    };
                    let answer = attendance.answer(self.rpc, &request).await?;
                    self.answers.write(&answer, self.is_last, &mut self.written);
                    request.bytes()
                }
            };
            self.is_used = true;
            self.received.advance(bytes);
            if !self.ahead.is_empty() {
                self.received.extend_from_slice(&self.ahead.split());
            }
            self.write().await?;
            self.give_memory_back();
        }
    }

    /// Takes what has come already; false when nothing has.
    fn has_more(&mut self) -> Result<bool, Over> {
        self.received.reserve(READ_BYTES);
        // Not a matter of how much this task has done: who is put off here is never asked again.
        match unconstrained(self.io.read_buf(&mut self.received)).now_or_never() {
            None => Ok(false),
            Some(Ok(1..)) => Ok(true),
            Some(_) => Err(Over),
        }
    }

    /// Waits for more bytes, as long as a connection may be idle.
    async fn receive(&mut self) -> Result<(), Over> {
        self.received.reserve(READ_BYTES);
        loop {
            tokio::select! {
                biased;
                read = self.io.read_buf(&mut self.received) => return if matches!(read, Ok(1..)) { Ok(()) } else { Err(Over) },
                Some(event) = self.events.next() => match event {
                    Event::TimePassed if std::mem::take(&mut self.is_used) => {}
                    // No request in all this time, or none any more; one that did not come as a whole was not accepted.
                    Event::TimePassed | Event::Shutdown => return self.end().await,
                },
            }
        }
    }

    /// Writes the answer out, as long as the peer takes it.
    async fn write(&mut self) -> Result<(), Over> {
        let mut times = 0;
        let mut writing = pin!(self.io.write_all(&self.written));
        loop {
            tokio::select! {
                biased;
                written = writing.as_mut() => break written.map_err(|_| Over)?,
                Some(event) = self.events.next() => match event {
                    Event::Shutdown => self.is_last = true,
                    Event::TimePassed if times + 1 == UNREAD_TIMES => return Err(Over),
                    Event::TimePassed => times += 1,
                },
            }
        }
        self.written.clear();
        if self.is_last { self.end().await } else { Ok(()) }
    }

    /// A connection that had one large request or answer need not hold the room for the next one.
    fn give_memory_back(&mut self) {
        self.written.shrink_to(KEPT_BYTES);
        if self.received.is_empty() && self.received.capacity() > KEPT_BYTES {
            self.received = BytesMut::new();
        }
    }

    async fn end(&mut self) -> Result<(), Over> {
        // Who does not hear of it sees the socket close.
        let _ = self.io.shutdown().await;
        Err(Over)
    }
}

/// What is attended to while a request is answered.
struct Attendance<'a, I> {
    io: &'a mut I,
    events: &'a mut Events,
    ahead: &'a mut BytesMut,
    is_last: &'a mut bool,
}

impl<I: AsyncRead + Unpin> Attendance<'_, I> {
    /// A call whose caller goes away is given up.
    async fn answer(self, rpc: &RpcConnection, request: &PlainRequest<'_>) -> Result<Reply, Over> {
        let mut answering = pin!(rpc.answer_plain(request));
        loop {
            tokio::select! {
                // Most answers are there at once, and nothing else is looked at.
                biased;
                answer = answering.as_mut() => return Ok(answer),
                // Whoever sent the next request already waits for both answers: that is all there is to know.
                read = self.io.read_buf(self.ahead), if self.ahead.is_empty() => {
                    if !matches!(read, Ok(1..)) {
                        return Err(Over);
                    }
                }
                Some(event) = self.events.next() => *self.is_last |= matches!(event, Event::Shutdown),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::routing::get;
    use hookd_runtime::{Engine, EngineConfig};
    use tempfile::TempDir;
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::super::connections::{Answers, IDLE_TIME, serve_connection};

    const CALL: &str = "POST /1.1/functions/hello HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
        content-length: 2\r\n\r\n{}";
    const OTHER: &str = "GET /other HTTP/1.1\r\nhost: a\r\n\r\n";

    /// A server without apps: each call is answered with 401.
    struct Server {
        answers: Answers,
        shutdown: CancellationToken,
        _data: TempDir,
    }

    impl Server {
        async fn start() -> Self {
            let data = tempfile::tempdir().unwrap();
            let engine = Engine::open(EngineConfig::new(data.path().to_owned(), Vec::new())).await.unwrap();
            let router = Router::new().route("/other", get(async || "somebody else"));
            Self { answers: Answers::Rpc(engine.rpc(router)), shutdown: CancellationToken::new(), _data: data }
        }

        /// `room`: bytes that wait to be read by either side.
        fn connect(&self, room: usize) -> DuplexStream {
            let (client, server) = duplex(room);
            let connection = self.answers.connection(None);
            tokio::spawn(serve_connection(server, connection, IDLE_TIME, self.shutdown.clone()));
            client
        }
    }

    /// Reads one answer with a length; head and body.
    async fn answer(client: &mut DuplexStream) -> (String, String) {
        use tokio::io::AsyncReadExt as _;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(client.read_u8().await.unwrap().into());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        client.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    async fn is_unauthorized(client: &mut DuplexStream) -> bool {
        let (head, body) = answer(client).await;
        assert!(head.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{head}");
        body == r#"{"code":401,"error":"Unauthorized."}"#
    }

    async fn send(client: &mut DuplexStream, text: &str) {
        use tokio::io::AsyncWriteExt as _;
        client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn closed_after(mut client: DuplexStream) -> Duration {
        use tokio::io::AsyncReadExt as _;
        let start = Instant::now();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        start.elapsed()
    }

    #[tokio::test]
    async fn requests_in_one_piece_or_many_are_answered_in_their_order() {
        let server = Server::start().await;
        let mut client = server.connect(4_096);
        send(&mut client, &CALL.repeat(3)).await;
        for _ in 0..3 {
            assert!(is_unauthorized(&mut client).await);
        }
        let (first, rest) = CALL.split_at(30);
        for part in [first, rest] {
            send(&mut client, part).await;
            tokio::task::yield_now().await;
        }
        assert!(is_unauthorized(&mut client).await);
    }

    #[tokio::test]
    async fn another_request_between_calls_is_answered_by_whoever_it_is_for() {
        let server = Server::start().await;
        let mut client = server.connect(4_096);
        send(&mut client, &[CALL, OTHER, CALL].concat()).await;
        assert!(is_unauthorized(&mut client).await);
        assert_eq!(answer(&mut client).await.1, "somebody else");
        assert!(is_unauthorized(&mut client).await);
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_read_by_the_general_server() {
        let server = Server::start().await;
        let mut client = server.connect(4_096);
        let chunked =
            CALL.replace("content-length: 2\r\n\r\n{}", "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
        send(&mut client, &[CALL, &chunked, CALL].concat()).await;
        for _ in 0..3 {
            assert!(is_unauthorized(&mut client).await);
        }
    }

    #[tokio::test]
    async fn a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_a_request() {
        let server = Server::start().await;
        let mut client = server.connect(4_096);
        let smuggled = CALL.replace("content-length: 2", "content-length: 2\r\ncontent-length: 0");
        send(&mut client, &[CALL, &smuggled, CALL].concat()).await;
        assert!(is_unauthorized(&mut client).await);
        assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 400 "));
        closed_after(client).await;
    }

    #[tokio::test]
    async fn a_connection_that_was_used_is_closed_when_it_is_idle() {
        let server = Server::start().await;
        tokio::time::pause();
        let mut client = server.connect(4_096);
        send(&mut client, CALL).await;
        assert!(is_unauthorized(&mut client).await);
        let after = closed_after(client).await;
        assert_eq!(after.as_secs(), 2 * IDLE_TIME.as_secs());
    }

    #[tokio::test]
    async fn a_head_that_never_ends_costs_the_connection() {
        let server = Server::start().await;
        tokio::time::pause();
        let mut client = server.connect(4_096);
        send(&mut client, CALL.trim_end_matches("\r\n{}")).await;
        assert_eq!(closed_after(client).await.as_secs(), IDLE_TIME.as_secs());
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_answered_in_the_time_of_a_request() {
        let server = Server::start().await;
        let mut client = server.connect(4_096);
        send(&mut client, CALL).await;
        assert!(is_unauthorized(&mut client).await);
        tokio::time::pause();
        send(&mut client, CALL.trim_end_matches('}')).await;
        let start = Instant::now();
        let (head, body) = answer(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert_eq!(body, r#"{"code":124,"error":"The request timed out on the server."}"#);
        assert_eq!(start.elapsed().as_secs(), 15);
    }

    #[tokio::test]
    async fn a_peer_that_takes_no_answer_is_given_up() {
        let server = Server::start().await;
        tokio::time::pause();
        let mut client = server.connect(64);
        send(&mut client, CALL).await;
        // More than there is room for, so that the next send waits until the server is gone.
        let start = Instant::now();
        let sending = async {
            use tokio::io::AsyncWriteExt as _;
            while client.write_all(CALL.as_bytes()).await.is_ok() {}
        };
        sending.await;
        let after = start.elapsed();
        assert!((IDLE_TIME..=3 * IDLE_TIME).contains(&after), "{after:?}");
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_when_the_server_stops() {
        let server = Server::start().await;
        tokio::time::pause();
        let mut client = server.connect(4_096);
        send(&mut client, CALL).await;
        assert!(is_unauthorized(&mut client).await);
        server.shutdown.cancel();
        assert_eq!(closed_after(client).await, Duration::ZERO);
    }
}
