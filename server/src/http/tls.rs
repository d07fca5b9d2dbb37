//! TLS for clients: the certificate comes from files, and is read again when they change.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::accept::Accept;
use crate::error::{ConfigError, ServerError};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A chain or a key is a few KiB; more is a file that was named by mistake.
const FILE_BYTES: u64 = 1 << 20;

/// TLS for clients, at an address of its own.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What to show clients.
    pub certificate: Certificate,
}

/// The certificate that clients get.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// The operator's.
    Files(CertificateFiles),
    /// One that the server makes and keeps in its data folder.
    SelfSigned,
}

/// A certificate chain and its private key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate first, then those that signed it.
    pub certificate: PathBuf,
    /// The key of the first one.
    pub key: PathBuf,
}

/// Accepts connections over TLS.
pub struct TlsListener {
    tcp: TcpListener,
    config: Arc<ServerConfig>,
}

impl TlsListener {
    /// Reads the files, and reads them again in a task whenever they change, until the token is cancelled. A pair of files that
    /// cannot be used later is logged, and the one from before stays.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn new(tcp: TcpListener, files: CertificateFiles, shutdown: CancellationToken) -> Result<Self, ServerError> {
        let provider = Arc::new(ring::default_provider());
        // Before the first read: a change during it is found at the first look.
        let read_at = stamp_of(&files);
        let current = Arc::new(Current(ArcSwap::from_pointee(load(&files, &provider)?)));
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(format!("TLS cannot be used: {error}"), "report this"))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let watching = follow(files, read_at, provider, current);
        tokio::spawn(async move { shutdown.run_until_cancelled(watching).await });
        Ok(Self { tcp, config: Arc::new(config) })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Accept for TlsListener {
    type Io = TlsConnection;

    const IS_OVER_TLS: bool = true;

    async fn accept(&mut self) -> io::Result<(TlsConnection, Option<SocketAddr>)> {
        let (socket, peer) = Accept::accept(&mut self.tcp).await?;
        let handshake = tokio_rustls::TlsAcceptor::from(self.config.clone()).accept(socket);
        Ok((TlsConnection::Handshake(Box::new(handshake)), peer))
    }
}

/// A connection whose handshake happens when it is first read or written, within the times of its first request.
pub enum TlsConnection {
    /// The handshake is not over.
    Handshake(Box<tokio_rustls::Accept<TcpStream>>),
    /// It is.
    Open(Box<TlsStream<TcpStream>>),
}

impl TlsConnection {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        if let Self::Handshake(handshake) = self {
            let stream = ready!(Pin::new(handshake.as_mut()).poll(context))?;
            *self = Self::Open(Box::new(stream));
        }
        match self {
            Self::Open(stream) => Poll::Ready(Ok(Pin::new(stream.as_mut()))),
            Self::Handshake(_) => Poll::Pending,
        }
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            // There is no end to be announced.
            Self::Handshake(_) => Poll::Ready(Ok(())),
            Self::Open(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What shows that a file was written: times and lengths of both.
type Stamp = [Option<(SystemTime, u64)>; 2];

fn stamp_of(files: &CertificateFiles) -> Stamp {
    [&files.certificate, &files.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// Reads the files again whenever they change. Where one of two was written, the next look finds the other.
async fn follow(files: CertificateFiles, read_at: Stamp, provider: Arc<CryptoProvider>, current: Arc<Current>) {
    let (mut ticks, mut seen) = (interval(LOOK_EVERY), read_at);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = stamp_of(&files);
        if now == seen {
            continue;
        }
        seen = now;
        match load(&files, &provider) {
            Ok(key) => {
                current.0.store(Arc::new(key));
                tracing::info!(certificate = %files.certificate.display(), "the certificate for TLS was read again");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the new certificate for TLS cannot be used; the one from before stays");
            }
        }
    }
}

fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, ConfigError> {
    let unusable = |flag: &str, path: &Path, problem: String| {
        let hint = "give a chain of certificates and its private key, both as PEM";
        ConfigError::new(format!("cannot use `{}`, the file of `{flag}`: {problem}", path.display()), hint)
    };
    let of_certificate = |problem: String| unusable("--tls-cert", &files.certificate, problem);
    let of_key = |problem: String| unusable("--tls-key", &files.key, problem);
    let pem = read(&files.certificate).map_err(|error| of_certificate(error.to_string()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| of_certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(of_certificate("there is no certificate in it".to_owned()));
    }
    let pem = read(&files.key).map_err(|error| of_key(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| of_key(error.to_string()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| of_key(error.to_string()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > FILE_BYTES {
        return Err(io::Error::other(format!("it has {bytes} bytes; at most {FILE_BYTES} are read")));
    }
    std::fs::read(path)
}
