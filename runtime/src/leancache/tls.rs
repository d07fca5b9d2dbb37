//! The certificates of a Redis that is reached over TLS.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::{ClientTlsConfig, RedisError, TlsCertificates};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::invalid_redis::InvalidRedis;
use crate::trust::system_authorities;

/// Which certificates hold between this process and Redis, each as PEM. By default Redis must have one that the system
/// trusts, and this process has none.
#[derive(Clone, Default)]
pub struct RedisCertificates {
    /// Of the authorities that Redis's certificate may come from, instead of those of the system.
    pub authorities: Option<Vec<u8>>,
    /// The certificate that this process shows, and its key. Redis asks for one unless its `tls-auth-clients` is `no`.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for RedisCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, own } = self;
        f.debug_struct("RedisCertificates")
            .field("authorities", &authorities.is_some())
            .field("own", &own.is_some())
            .finish()
    }
}

impl RedisCertificates {
    /// True where nothing is said.
    pub(super) fn is_default(&self) -> bool {
        self.authorities.is_none() && self.own.is_none()
    }

    /// As the client of Redis wants them.
    pub(super) fn checked(self) -> Result<TlsCertificates, InvalidRedis> {
        let root_cert = match self.authorities {
            Some(authorities) => {
                check_authorities(&authorities)?;
                Some(authorities)
            }
            None => system_pem(),
        };
        let client_tls = match self.own {
            Some((client_cert, client_key)) => {
                check_own(&client_cert, &client_key)?;
                Some(ClientTlsConfig { client_cert, client_key })
            }
            None => None,
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

fn check_authorities(pem: &[u8]) -> Result<(), InvalidRedis> {
    let invalid = |problem: String| InvalidRedis::Certificates { flag: "--redis-ca-file", problem };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
    }
    if roots.is_empty() { Err(invalid("it holds no certificate".to_owned())) } else { Ok(()) }
}

fn check_own(certificate: &[u8], key: &[u8]) -> Result<(), InvalidRedis> {
    let invalid = |flag, problem: String| InvalidRedis::Certificates { flag, problem };
    CertificateDer::from_pem_slice(certificate).map_err(|error| invalid("--redis-cert-file", error.to_string()))?;
    PrivateKeyDer::from_pem_slice(key).map_err(|error| invalid("--redis-key-file", error.to_string()))?;
    Ok(())
}

/// The system's authorities; without any the client of Redis trusts those that browsers trust.
fn system_pem() -> Option<Vec<u8>> {
    let pem = |certificate: CertificateDer<'_>| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&certificate))
    };
    let all: String = system_authorities().into_iter().map(pem).collect();
    (!all.is_empty()).then(|| all.into_bytes())
}

/// What to do about a connection to Redis that failed for its certificates; `None` when it failed for something else.
pub fn redis_certificate_fix(error: &RedisError) -> Option<&'static str> {
    let text = error.to_string();
    if text.contains("CertificateRequired") || text.contains("HandshakeFailure") {
        Some("this Redis asks for a certificate: give one with `--redis-cert-file` and `--redis-key-file`")
    } else if text.contains("CaUsedAsEndEntity") {
        Some("Redis shows the certificate of an authority: issue one for the server itself, with `CA:FALSE`")
    } else if text.contains("certificate") {
        Some(
            "give the authority that issued Redis's certificate with `--redis-ca-file`, and name Redis in the URL as the \
             certificate does",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(certificates: RedisCertificates) -> String {
        certificates.checked().map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn files_that_hold_no_certificate_are_refused_by_their_flag() {
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let authorities = Some(pem.as_bytes().to_vec());
            let text = refused(RedisCertificates { authorities, own: None });
            assert!(text.contains("`--redis-ca-file`"), "{text}");
        }
        let own = Some((b"no certificate".to_vec(), b"no key".to_vec()));
        let text = refused(RedisCertificates { authorities: None, own });
        assert!(text.contains("`--redis-cert-file`"), "{text}");
    }
}
