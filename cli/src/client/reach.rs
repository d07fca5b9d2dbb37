//! The way to a server: TCP, or a Unix socket of this machine.

/// A client for the server at `url` (`http://…` or `unix:/path`), and what stands before the path in its URLs. Uses no
/// proxy: the server is the operator's own.
pub fn reach(url: &str) -> anyhow::Result<(reqwest::Client, String)> {
    let client = reqwest::Client::builder().no_proxy();
    Ok(match url.strip_prefix("unix:") {
        Some(path) => (client.unix_socket(path).build()?, "http://engine".to_owned()),
        None => (client.build()?, url.to_owned()),
    })
}
