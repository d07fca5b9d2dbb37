//! A certificate that the server signs itself, to try TLS out.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use api_types::private_file;
use http::Uri;

use super::tls::CertificateFiles;
use crate::error::{ServerError, Step as _};

/// The folder of the certificate in the data folder.
const FOLDER: &str = "tls";

/// The certificate of the data folder, for this machine's own names, the address that is listened on, and the host of the
/// public URL. It is made at the first start, and again when those change, so that clients that trust it go on to do so.
///
/// # Errors
/// The folder cannot be read or written.
pub fn self_signed(data: &Path, listen: SocketAddr, public_url: Option<&str>) -> Result<CertificateFiles, ServerError> {
    let names = names(listen, public_url);
    let folder = data.join(FOLDER);
    let files = CertificateFiles { certificate: folder.join("self-signed.pem"), key: folder.join("self-signed.key") };
    let (listed, wanted) = (folder.join("self-signed.names"), names.join("\n"));
    let made_for = match std::fs::read_to_string(&listed) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.step(|| format!("cannot read `{}`", listed.display()))?),
    };
    if made_for.as_deref() == Some(&wanted) && files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    std::fs::create_dir_all(&folder).step(|| format!("cannot create `{}`", folder.display()))?;
    let made = rcgen::generate_simple_self_signed(names).step(|| "cannot make a certificate for TLS".to_owned())?;
    let write = |path: &Path, text: &str| {
        let written = private_file::write(path, text.as_bytes());
        written.step(|| "cannot keep the certificate for TLS".to_owned())
    };
    write(&files.key, &made.signing_key.serialize_pem())?;
    write(&files.certificate, &made.cert.pem())?;
    // Last: without it the next start makes all three again.
    write(&listed, &wanted)?;
    Ok(files)
}

fn names(listen: SocketAddr, public_url: Option<&str>) -> Vec<String> {
    let mut names = BTreeSet::from(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    if !listen.ip().is_unspecified() {
        names.insert(listen.ip().to_string());
    }
    let public = public_url.and_then(|url| url.parse::<Uri>().ok());
    names.extend(public.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']).to_owned()));
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::self_signed;

    #[test]
    fn the_certificate_stays_until_its_names_change() {
        let data = tempfile::tempdir().unwrap();
        let listen: SocketAddr = "10.1.2.3:7443".parse().unwrap();
        let made = |public_url| {
            let files = self_signed(data.path(), listen, public_url).unwrap();
            std::fs::read_to_string(files.certificate).unwrap()
        };
        let first = made(None);
        assert_eq!(made(None), first);
        let renamed = made(Some("wss://im.example.org:8443/"));
        assert_ne!(renamed, first);
        assert_eq!(made(Some("wss://im.example.org:8443/")), renamed);
    }
}
