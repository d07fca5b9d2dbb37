//! An HTTP server whose answers are written by the test, byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Answers every request on a free port of 127.0.0.1; gone when it is dropped.
pub struct HttpServer {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    /// Connections that are open.
    connections: AtomicUsize,
    /// TLS sessions that were taken up again.
    resumed: AtomicUsize,
}

impl HttpServer {
    /// `answer` gets the head of a request, and answers the bytes of a response; nothing means that it never comes.
    pub async fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::start_as(None, answer).await
    }

    /// Answers over TLS as `service.test`, one request on each connection. The certificate is not trusted yet.
    pub async fn with_tls(body: &str) -> (Self, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["service.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let certificate = made.cert.der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
        let response = response(200, "connection: close\r\n", body);
        let server = Self::start_as(Some(Arc::new(config).into()), move |_| Some(response.clone())).await;
        (server, certificate)
    }

    async fn start_as(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counts, answer) = (Arc::<Counts>::default(), Arc::new(answer));
        let counted = counts.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (answer, counts, tls) = (answer.clone(), counted.clone(), tls.clone());
                tokio::spawn(async move {
                    counts.connections.fetch_add(1, Ordering::SeqCst);
                    match tls {
                        None => answer_all(socket, &*answer, &counts).await,
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                let is_resumed = socket.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                                counts.resumed.fetch_add(usize::from(is_resumed), Ordering::SeqCst);
                                answer_all(socket, &*answer, &counts).await;
                            }
                        }
                    }
                    counts.connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, counts, serving }
    }

    /// Answers every request with this body.
    pub async fn answering(body: &str) -> Self {
        let response = response(200, "", body);
        Self::start(move |_| Some(response.clone())).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many TLS sessions were taken up again.
    pub fn resumed(&self) -> usize {
        self.counts.resumed.load(Ordering::SeqCst)
    }
}

async fn answer_all(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync),
    counts: &Counts,
) {
    let mut head = Vec::new();
    while let Ok(byte) = socket.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        counts.requests.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(&head).into_owned();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        if socket.read_exact(&mut body).await.is_err() {
            return;
        }
        match answer(&text) {
            Some(response) => drop(socket.write_all(&response).await),
            // Keeps the connection open and says nothing.
            None => std::future::pending().await,
        }
        head.clear();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A response with these further header lines, each ended by CRLF.
pub fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
