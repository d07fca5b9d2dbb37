//! The authorities whose certificates this machine trusts.

use std::io;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Those of the system, or those in the file of `SSL_CERT_FILE`; may be empty. Reads files.
pub(crate) fn system_authorities() -> Vec<CertificateDer<'static>> {
    let system = rustls_native_certs::load_native_certs();
    if !system.errors.is_empty() {
        let error = io::Error::other(format!("{:?}", system.errors));
        tracing::warn!(%error, "some of the system's trusted certificates cannot be read");
    }
    // Systems keep old ones that can no longer be read as certificates.
    let mut probe = RootCertStore::empty();
    system.certs.into_iter().filter(|certificate| probe.add(certificate.clone()).is_ok()).collect()
}
