//! Prosody with its message archive on disk.

use std::path::Path;
use std::process::Command;

use super::{ROOMS, Server};
use crate::clients::{DOMAIN, PASSWORD};

/// Starts it with accounts of these names.
pub fn prosody(workspace: &Path, accounts: &[String]) -> anyhow::Result<Server> {
    let folder = super::data_folder(workspace)?;
    let address = super::free_address()?;
    let at = folder.path().display();
    let port = address.port();
    // It serves nothing that has to be encrypted, and warns of no more than hookd does. Without a limit of its archives it would
    // stop to store in the middle of a run.
    let configuration = format!(
        r#"run_as_root = true
data_path = "{at}/data"
pidfile = "{at}/prosody.pid"
log = {{ warn = "{at}/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "disco", "mam" }}
modules_disabled = {{ "s2s", "tls" }}
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
storage = "internal"
default_archive_policy = true
storage_archive_item_limit = 100000000
VirtualHost "{DOMAIN}"
Component "{ROOMS}" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_log_by_default = true
"#
    );
    let file = folder.path().join("prosody.cfg.lua");
    std::fs::write(&file, configuration)?;
    let kept = folder.path().join(format!("data/{DOMAIN}/accounts"));
    std::fs::create_dir_all(&kept)?;
    for account in accounts {
        std::fs::write(
            kept.join(format!("{account}.dat")),
            format!("return {{ [\"password\"] = \"{PASSWORD}\" }};\n"),
        )?;
    }
    let mut command = Command::new("prosody");
    command.arg("--config").arg(&file).arg("-F");
    Server::start(command, address, folder)
}
