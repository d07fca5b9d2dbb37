//! Entry points for the fuzzer only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::commands::Up;

/// Where a server is, and its keys.
#[derive(Debug)]
pub struct Running {
    /// `host:port`.
    pub address: String,
    /// The app that it begins with.
    pub app: String,
    /// The app's.
    pub master_key: String,
    /// The installation's.
    pub admin_key: String,
}

/// Starts `hookd up` on an empty folder, in the runtime of this task.
///
/// # Errors
/// Any problem that keeps a server from starting.
pub async fn start(data: &Path) -> anyhow::Result<Running> {
    let up = Up::as_configured(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), data)?;
    let server = up.start(CancellationToken::new()).await?;
    let connection = server.connection().clone();
    tokio::spawn(server.serve());
    Ok(Running {
        address: connection.url.trim_start_matches("http://").to_owned(),
        app: connection.app_id,
        master_key: connection.master_key,
        admin_key: connection.admin_key,
    })
}
