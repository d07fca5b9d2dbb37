//! ejabberd with its message archive on disk.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ROOMS, Server};
use crate::clients::{DOMAIN, PASSWORD};

/// What the archive is kept in.
#[derive(Clone, Copy)]
pub enum Archive {
    /// ejabberd's own database.
    Mnesia,
    /// What its documentation advises for small servers.
    Sqlite,
}

/// Starts it with accounts of these names.
pub async fn ejabberd(workspace: &Path, archive: Archive, accounts: &[String]) -> anyhow::Result<Server> {
    let folder = super::data_folder(workspace)?;
    let (address, api) = (super::free_address()?, super::free_address()?);
    let file = folder.path().join("ejabberd.yml");
    std::fs::write(&file, configuration(folder.path(), (address.port(), api.port()), archive))?;
    // The script of its package would start it for the whole machine, and as another user.
    let mut command = Command::new("erl");
    command
        .args(["-noinput", "+K", "true", "+P", "250000", "-mnesia", "dir"])
        .arg(format!("\"{}/mnesia\"", folder.path().display()))
        .args(["-s", "ejabberd"])
        // It leaves files there when it fails.
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("EJABBERD_CONFIG_PATH", &file)
        .env("EJABBERD_LOG_PATH", folder.path().join("ejabberd.log"))
        .env("ERL_CRASH_DUMP", folder.path().join("crash"))
        .env("ERL_LIBS", format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let server = Server::start(command, address, folder)?;
    for account in accounts {
        register(api, account).await.with_context(|| format!("ejabberd did not register `{account}`"))?;
    }
    Ok(server)
}

fn configuration(folder: &Path, (clients, api): (u16, u16), archive: Archive) -> String {
    let (sql, archive) = match archive {
        Archive::Mnesia => (String::new(), "mnesia"),
        Archive::Sqlite => (format!("sql_type: sqlite\nsql_database: \"{}/archive.db\"\n", folder.display()), "sql"),
    };
    format!(
        r#"hosts: ["{DOMAIN}"]
loglevel: warning
certfiles: []
{sql}listen:
  - port: {clients}
    ip: 127.0.0.1
    module: ejabberd_c2s
    backlog: 1024
    max_stanza_size: 262144
  - port: {api}
    ip: 127.0.0.1
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api
auth_method: mnesia
auth_password_format: plain
acl:
  loopback:
    ip: 127.0.0.0/8
api_permissions:
  accounts:
    from: mod_http_api
    who:
      access:
        allow:
          acl: loopback
    what: [register]
modules:
  mod_disco: {{}}
  mod_roster: {{}}
  mod_mam:
    default: always
    db_type: {archive}
  mod_muc:
    host: {ROOMS}
    db_type: mnesia
    max_users: 1000
    default_room_options:
      mam: true
"#
    )
}

async fn register(api: SocketAddr, account: &str) -> anyhow::Result<()> {
    let body = serde_json::json!({"user": account, "host": DOMAIN, "password": PASSWORD}).to_string();
    let head =
        format!("POST /api/register HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-type: application/json");
    let mut socket = TcpStream::connect(api).await?;
    socket.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("{answer}");
    }
    Ok(())
}
