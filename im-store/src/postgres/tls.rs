//! TLS between this program and the database.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How connections are encrypted, where they are.
#[derive(Clone)]
pub(super) struct Tls(ClientConfig);

/// Bytes that are no certificates of authorities.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct UnusableAuthorities(String);

impl Tls {
    /// For servers that are reached without it.
    pub(super) fn none() -> Self {
        Self::trusting(RootCertStore::empty())
    }

    /// The server's certificate must come from one of these authorities (PEM), or without any from one that the system
    /// trusts.
    pub(super) fn checked(authorities: Option<&[u8]>) -> Result<Self, UnusableAuthorities> {
        let roots = match authorities {
            Some(pem) => given(pem)?,
            None => of_the_system(),
        };
        Ok(Self::trusting(roots))
    }

    fn trusting(roots: RootCertStore) -> Self {
        let provider = rustls::crypto::ring::default_provider();
        let builder = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
        #[expect(clippy::expect_used, reason = "the provider supports the default versions")]
        let builder = builder.expect("versions that the provider supports");
        Self(builder.with_root_certificates(roots).with_no_client_auth())
    }

    pub(super) fn connector(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new(self.0.clone())
    }
}

fn given(pem: &[u8]) -> Result<RootCertStore, UnusableAuthorities> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| UnusableAuthorities(error.to_string()))?;
        roots.add(certificate).map_err(|error| UnusableAuthorities(error.to_string()))?;
    }
    if roots.is_empty() { Err(UnusableAuthorities("it holds no certificate".to_owned())) } else { Ok(roots) }
}

/// One that cannot be read is left out, as every other program does.
fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
