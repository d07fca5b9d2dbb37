//! The way to a server: TCP, or a Unix socket of this machine.

use api_types::clock_is_before_1970;
use reqwest::Url;

use crate::exit::InputError;

/// A client for the server at `url` (`http://…` or `unix:/path`), and what stands before the path in its URLs. Uses no
/// proxy: the server is the operator's own.
pub fn reach(url: &str) -> anyhow::Result<(reqwest::Client, String)> {
    let is_http = Url::parse(url).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https"));
    let is_socket = cfg!(unix) && url.starts_with("unix:/");
    if !is_http && !is_socket {
        let problem = format!("`{url}` is not the address of a server");
        let hint = "write it as http://127.0.0.1:7410, https://im.example.org or unix:/path/of/a/socket";
        return Err(InputError::new(problem).hint(hint).into());
    }
    if url.starts_with("https:") && clock_is_before_1970() {
        anyhow::bail!("the clock of this machine is before 1970, and no certificate can be checked; set the clock");
    }
    // Fails when there is one already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder().no_proxy();
    if !url.starts_with("https:") {
        // The system's certificates take time to read, and may be missing where nothing needs them.
        client = client.tls_certs_only([]);
    }
    #[cfg(unix)]
    if let Some(path) = url.strip_prefix("unix:") {
        return Ok((client.unix_socket(path).build()?, "http://engine".to_owned()));
    }
    Ok((client.build()?, url.to_owned()))
}
