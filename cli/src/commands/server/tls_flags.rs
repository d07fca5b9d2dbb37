//! Flags about TLS for clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::listen_address::listen_address;
use crate::exit::InputError;
use hookd_server::{Certificate, CertificateFiles, TlsConfig};

/// A second address at which clients are served, over TLS.
#[derive(Debug, Args)]
pub struct TlsFlags {
    /// Certificate chain of this server (PEM), the server's own first. With it clients are served over TLS too; the file is
    /// read again when it changes.
    #[arg(long, env = "HOOKD_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of that certificate (PEM).
    #[arg(long, env = "HOOKD_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Serve clients over TLS with a certificate that hookd makes and keeps in the data folder, to try it out. Clients
    /// accept it only where they are told to.
    #[arg(long, env = "HOOKD_TLS_SELF_SIGNED")]
    tls_self_signed: bool,
    /// Address and port for TLS, which needs a certificate; port 0 takes a free one [default: 127.0.0.1:7443].
    #[arg(long, env = "HOOKD_TLS_LISTEN", value_name = "ADDRESS", value_parser = listen_address)]
    tls_listen: Option<SocketAddr>,
}

/// For clients on this machine only.
const DEFAULT_TLS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_443);

impl TlsFlags {
    /// TLS for clients, if it is asked for.
    ///
    /// # Errors
    /// The flags contradict each other.
    pub fn config(&self) -> Result<Option<TlsConfig>, InputError> {
        let certificate = match (&self.tls_cert, &self.tls_key, self.tls_self_signed) {
            (None, None, false) if self.tls_listen.is_some() => {
                let problem =
                    "`--tls-listen` needs a certificate: give `--tls-cert` and `--tls-key`, or `--tls-self-signed`";
                return Err(InputError::new(problem));
            }
            (None, None, false) => return Ok(None),
            (None, None, true) => Certificate::SelfSigned,
            (Some(certificate), Some(key), false) => {
                Certificate::Files(CertificateFiles { certificate: certificate.clone(), key: key.clone() })
            }
            (Some(_), Some(_), true) => {
                let problem = "`--tls-self-signed` makes a certificate, and `--tls-cert` names one; give one of them";
                return Err(InputError::new(problem));
            }
            _ => return Err(InputError::new("`--tls-cert` and `--tls-key` go together; give both")),
        };
        Ok(Some(TlsConfig { listen: self.tls_listen.unwrap_or(DEFAULT_TLS_LISTEN), certificate }))
    }
}
