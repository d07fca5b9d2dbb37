//! Sockets to listen on, and serving them to a soft end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::accept::serve;
use super::admission::Admission;
use super::connections::Service;
use super::tls::{CertificateFiles, TlsListener};
use crate::error::{ConfigError, ServerError, Step as _};
use crate::process::lifecycle::DRAIN_TIMEOUT;

/// The flag that names where clients are served, or an engine's RPC.
const LISTEN: &str = "--listen";

/// The flag that names where metrics are served.
const METRICS_LISTEN: &str = "--metrics-listen";

/// The flag that names where clients are served over TLS.
const TLS_LISTEN: &str = "--tls-listen";

/// Where a process answers: TCP, TLS, a Unix socket, or some of them.
pub struct Listeners {
    tcp: Option<TcpListener>,
    tls: Option<TlsListener>,
    socket: Option<UnixListener>,
}

impl Listeners {
    /// Listens; port 0 takes a free one. A socket that a dead process left behind is replaced.
    ///
    /// # Errors
    /// Another process listens there.
    pub async fn open(tcp: Option<SocketAddr>, socket: Option<&Path>) -> Result<Self, ServerError> {
        let tcp = match tcp {
            Some(address) => Some(listen_on_tcp(address, LISTEN).await?),
            None => None,
        };
        let socket = match socket {
            Some(path) => Some(listen_on_socket(path).await?),
            None => None,
        };
        Ok(Self { tcp, tls: None, socket })
    }

    /// Listens for what reads metrics.
    ///
    /// # Errors
    /// Another process listens there.
    pub async fn for_metrics(address: SocketAddr) -> Result<Self, ServerError> {
        Ok(Self { tcp: Some(listen_on_tcp(address, METRICS_LISTEN).await?), tls: None, socket: None })
    }

    /// Listens for clients over TLS too.
    ///
    /// # Errors
    /// Another process listens there, or the certificate cannot be used.
    pub async fn with_tls(
        self,
        address: SocketAddr,
        certificate: CertificateFiles,
        shutdown: CancellationToken,
    ) -> Result<Self, ServerError> {
        let tcp = listen_on_tcp(address, TLS_LISTEN).await?;
        Ok(Self { tls: Some(TlsListener::new(tcp, certificate, shutdown)?), ..self })
    }

    /// `https://address:port`, where there is TLS.
    pub fn tls_url(&self) -> Result<Option<String>, ServerError> {
        let Some(tls) = &self.tls else { return Ok(None) };
        Ok(Some(format!("https://{}", tls.local_addr()?)))
    }

    /// `http://address:port`, where there is TCP.
    pub fn url(&self) -> Result<Option<String>, ServerError> {
        let Some(tcp) = &self.tcp else { return Ok(None) };
        Ok(Some(format!("http://{}", tcp.local_addr()?)))
    }

    /// Answers until the token is cancelled, then lets requests in flight finish, within [`DRAIN_TIMEOUT`].
    pub async fn serve(self, service: Service, shutdown: CancellationToken) {
        let admission = Admission::by_descriptors();
        let mut serving: Vec<BoxFuture<'static, ()>> = Vec::new();
        if let Some(tcp) = self.tcp {
            serving.push(serve(tcp, service.clone(), admission.clone(), shutdown.clone()).boxed());
        }
        if let Some(tls) = self.tls {
            serving.push(serve(tls, service.clone(), admission.clone(), shutdown.clone()).boxed());
        }
        if let Some(socket) = self.socket {
            serving.push(serve(socket, service, admission, shutdown.clone()).boxed());
        }
        let drained = async {
            shutdown.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            _ = join_all(serving) => {}
            () = drained => tracing::warn!("requests were still in flight after {DRAIN_TIMEOUT:?}; stopping anyway"),
        }
    }
}

/// `flag` named the address.
async fn listen_on_tcp(address: SocketAddr, flag: &str) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => {
                format!("ports below 1024 need special rights; choose another with {flag}, and put a proxy before it")
            }
            ErrorKind::AddrNotAvailable => {
                "this machine has no such address; 0.0.0.0 stands for all that it has".to_owned()
            }
            _ => format!("stop what listens there, or choose another address with {flag}; port 0 takes a free one"),
        };
        ConfigError::new(format!("cannot listen on `{address}`: {error}"), hint).into()
    })
}

async fn listen_on_socket(path: &Path) -> Result<UnixListener, ServerError> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if UnixStream::connect(path).await.is_ok() {
                let problem = format!("another process listens on `{}`", path.display());
                return Err(ConfigError::new(problem, "stop it, or choose another path with --rpc-socket").into());
            }
            remove_dead_socket(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    };
    let listener = listener.map_err(|error| {
        let problem = format!("cannot listen on the socket `{}`: {error}", path.display());
        ConfigError::new(problem, "choose a short path in a folder that exists, with --rpc-socket")
    })?;
    // Keys pass through it: only the owner may connect, also where others may read the folder.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .step(|| format!("cannot make `{}` private", path.display()))?;
    Ok(listener)
}

/// Only ever a socket: a file that was named by mistake stays.
fn remove_dead_socket(path: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = std::fs::symlink_metadata(path)?.file_type();
    if !kind.is_socket() {
        let problem = format!("`{}` exists and is not a socket", path.display());
        return Err(ConfigError::new(problem, "choose another path with --rpc-socket").into());
    }
    Ok(std::fs::remove_file(path)?)
}

/// The path from the root, which a process that starts elsewhere can use.
pub fn absolute(path: &Path) -> Result<PathBuf, ServerError> {
    std::path::absolute(path).step(|| format!("cannot use the path `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unused_socket_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc.sock");
        let first = Listeners::open(None, Some(&path)).await.unwrap();
        assert!(Listeners::open(None, Some(&path)).await.is_err());
        drop(first);
        let _second = Listeners::open(None, Some(&path)).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_file_in_the_way_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "mine").unwrap();
        assert!(Listeners::open(None, Some(&path)).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
