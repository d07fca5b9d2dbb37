//! Clients through the proxies of `examples-proxies/`, with TLS, as the files say but for names, ports and paths.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Server, workspace};

#[test]
fn clients_of_both_versions_chat_through_nginx() {
    clients_chat_through("nginx.conf", |folder, config| {
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = kinds.map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display())).concat();
        fs::write(folder.join("nginx.conf"), config.replace("http {", &format!("http {{ access_log off; {temporary}")))
            .unwrap();
        let mut nginx = Command::new(program("nginx"));
        nginx.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf"));
        nginx.arg("-g").arg(format!("daemon off; pid {};", folder.join("nginx.pid").display()));
        nginx
    });
}

#[test]
fn clients_of_both_versions_chat_through_caddy() {
    clients_chat_through("Caddyfile", |folder, config| {
        // Caddy would listen on fixed ports for its administration and to send clients of HTTP to HTTPS.
        let global = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
        fs::write(folder.join("Caddyfile"), format!("{global}{config}")).unwrap();
        let mut caddy = Command::new(program("caddy"));
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
        caddy.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        caddy
    });
}

/// `prepare` makes the command of a proxy, from a folder and its configuration.
fn clients_chat_through(example: &str, prepare: impl FnOnce(&Path, String) -> Command) {
    let mut server = Server::start_with_variable("HOOKD_TRUST_FORWARDED_HEADERS", "true");
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hookd = server.connection()["url"].as_str().unwrap().trim_start_matches("http://");
    let example = fs::read_to_string(workspace().join("examples-proxies").join(example)).unwrap();
    let config = example
        .replace("/etc/ssl/im.example.org.pem", certificate.to_str().unwrap())
        .replace("/etc/ssl/im.example.org.key", key.to_str().unwrap())
        .replace("im.example.org:443", &format!("localhost:{port}"))
        .replace("im.example.org", "localhost")
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
        .replace("127.0.0.1:7410", hookd);
    let proxy = Proxy::start(prepare(folder.path(), config), port);
    for sdk in ["5.0.0-rc.8", "4.3.1"] {
        server.play_trusting(&certificate, "over_tls", &[&proxy.url, sdk]);
    }
}

/// A running proxy; stopped when dropped.
struct Proxy {
    child: Child,
    url: String,
}

impl Proxy {
    fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let mut proxy = Self { child, url: format!("https://localhost:{port}") };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(ended.is_none(), "the proxy has ended: {ended:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "the proxy does not listen");
            std::thread::yield_now();
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its workers end with it only where it is asked to.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
    }
}

/// Debian has the programs of administrators in a folder that not every user's path names.
fn program(name: &str) -> PathBuf {
    let of_administrators = Path::new("/usr/sbin").join(name);
    if of_administrators.exists() { of_administrators } else { name.into() }
}
