//! A PostgreSQL of a test's own: on a free port, in a temporary folder, gone with the test. It can be killed, stopped as a
//! frozen machine would be, and started again; a [`Link`] before it makes it slow or loses its answers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod account;
mod cluster;
mod link;
mod processes;

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use self::account::Account;
pub use self::link::Link;
use self::processes::{CONTINUE, STOP, Tree};

/// The role that tests connect as. It may do everything, without a password.
const ROLE: &str = "hookd";

/// A port that was free may be taken when the server starts; it gets another one then.
const TRIES: usize = 5;

/// A running server; killed when it is dropped.
pub struct PostgresServer {
    process: Child,
    port: u16,
    settings: Vec<String>,
    folder: TempDir,
}

impl PostgresServer {
    /// Starts one that keeps everything when it is killed, but not when the machine is.
    pub fn start() -> Self {
        Self::start_with(&["fsync=off"])
    }

    /// Starts one with these settings, each as `name=value`.
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start.
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        cluster::make(folder.path());
        Self::start_in(folder, settings.iter().map(|setting| (*setting).to_owned()).collect())
    }

    /// Starts one that is reached over TLS too, by this name; answers the certificate to trust (PEM).
    pub fn start_with_tls(name: &str) -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        cluster::make(folder.path());
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            Account::for_servers().own(&path);
            path.display().to_string()
        };
        let certificate = file("certificate", made.cert.pem());
        let key = file("key", made.signing_key.serialize_pem());
        let settings = [
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={certificate}"),
            format!("ssl_key_file={key}"),
        ];
        (Self::start_in(folder, settings.to_vec()), made.cert.pem())
    }

    fn start_in(folder: TempDir, settings: Vec<String>) -> Self {
        let mut log = String::new();
        for _ in 0..TRIES {
            let port = free_port();
            match run(port, &folder, &settings) {
                Ok(process) => return Self { process, port, settings, folder },
                Err(text) => log = text,
            }
        }
        panic!("PostgreSQL did not start:\n{log}");
    }

    /// The URL for `--database-url`.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same database, reached through a [`Link`] to it.
    pub fn url_through(&self, link: &Link) -> String {
        self.url_at(link.port())
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn url_at(&self, port: u16) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{port}/postgres")
    }

    /// Ends all of its processes at once, as a power cut would.
    pub fn kill(&mut self) {
        Tree::of(self.process.id()).kill();
        self.process.wait().unwrap();
    }

    /// Stops all of its processes: connections stay, answers stop.
    pub fn freeze(&self) {
        Tree::of(self.process.id()).signal(STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        Tree::of(self.process.id()).signal(CONTINUE);
    }

    /// Starts again with what is on disk, on the same port.
    pub fn start_again(&mut self) {
        self.process = run(self.port, &self.folder, &self.settings).unwrap();
    }

    /// Runs SQL beside the test's own connections; answers what it prints, without headers.
    pub fn sql(&self, sql: &str) -> String {
        let output = Command::new(cluster::program("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"])
            .args(["--command", sql, &self.url()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Stopped processes are killed too. Already dead is what we want.
        Tree::of(self.process.id()).kill();
        let _ = self.process.wait();
    }
}

/// Free now; the next request for any port gets another one.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Answers its log when it ends at once, as it does when the port is taken.
fn run(port: u16, folder: &TempDir, settings: &Vec<String>) -> Result<Child, String> {
    let mut command = Command::new(cluster::program("postgres"));
    Account::for_servers().run_as_it(&mut command);
    let mut sockets = OsString::from("unix_socket_directories=");
    sockets.push(folder.path());
    command.arg("-D").arg(cluster::data(folder.path())).args(["-p", &port.to_string(), "-c"]).arg(sockets);
    // Its log is read below, in English.
    for setting in ["listen_addresses=127.0.0.1", "logging_collector=off", "lc_messages=C", "max_connections=200"] {
        command.args(["-c", setting]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut process =
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut log = String::new();
    let is_ready = lines.any(|line| {
        log.push_str(&line);
        log.push('\n');
        line.contains("ready to accept connections")
    });
    if !is_ready {
        process.wait().unwrap();
        return Err(log);
    }
    // What it logs must not fill the pipe. Ends with the process.
    std::thread::spawn(move || lines.for_each(drop));
    Ok(process)
}
