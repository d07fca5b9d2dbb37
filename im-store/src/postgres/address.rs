//! Which database, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};

use super::tls::{Tls, UnusableAuthorities};

/// What each connection sets at the server.
const APPLICATION: &str = "hookd";

/// A server answers in milliseconds; a longer wait has another cause.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Acknowledged data that does not get through for so long ends a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The server ends a statement that runs for so long. A little less than callers wait, so that most learn of it from the
/// server.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);

/// The server ends a transaction that stands open for so long without a statement: the locks of a process that has stopped
/// would hold up all others.
const IDLE_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);

/// A PostgreSQL database. Holds the password: `Debug` and `Display` show none.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// No database can be reached like this. Repeats no password.
#[derive(Debug, Error)]
pub enum InvalidPostgres {
    /// No URL of a PostgreSQL database.
    #[error(
        "the database URL cannot be used: {0}; expected `postgres://[user[:password]@]host[:port]/database`, with \
         `?sslmode=disable` or `?sslmode=require` where it matters"
    )]
    Url(String),
    /// A file that does not hold certificates.
    #[error("the file of authorities cannot be used: {0}; it must be PEM")]
    Authorities(#[from] UnusableAuthorities),
}

impl PostgresAddress {
    /// Reads a URL. `authorities` are the certificates (PEM) of those that may have issued the server's, instead of those that
    /// the system trusts.
    ///
    /// Without `sslmode` in the URL, a server on this machine is reached without TLS, any other one with it. With TLS the
    /// server's certificate is always checked.
    ///
    /// # Errors
    /// The URL or the certificates are not valid.
    pub fn new(url: &str, authorities: Option<&[u8]>) -> Result<Self, InvalidPostgres> {
        let (url, mode) = take_ssl_mode(url);
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(InvalidPostgres::Url("it does not begin with `postgres://`".to_owned()));
        }
        let mut config = Config::from_str(&url).map_err(|error| InvalidPostgres::Url(describe(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(InvalidPostgres::Url("it names no host".to_owned()));
        }
        if config.get_dbname().is_none() {
            return Err(InvalidPostgres::Url("it names no database".to_owned()));
        }
        let encrypted = match mode.as_deref() {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => {
                return Err(InvalidPostgres::Url(format!("`sslmode={other}` is neither `disable` nor `require`")));
            }
        };
        config
            .ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable })
            .channel_binding(ChannelBinding::Prefer)
            .application_name(APPLICATION)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(UNACKNOWLEDGED);
        let options = [config.get_options().unwrap_or_default(), &session_options()].join(" ");
        config.options(options.trim());
        let tls = if encrypted { Tls::checked(authorities)? } else { Tls::none() };
        Ok(Self { config, tls })
    }
}

/// What each session of this program works with. An acknowledged write is on the server's disk whatever its own
/// configuration says. Every statement finds its rows by an index: a plan that was made while a table was small, and kept,
/// would read all of one that has grown.
fn session_options() -> String {
    [
        "synchronous_commit=on".to_owned(),
        "default_transaction_isolation=read\\ committed".to_owned(),
        "default_transaction_read_only=off".to_owned(),
        "enable_seqscan=off".to_owned(),
        "enable_hashjoin=off".to_owned(),
        "enable_mergejoin=off".to_owned(),
        "plan_cache_mode=force_custom_plan".to_owned(),
        "jit=off".to_owned(),
        format!("statement_timeout={}", STATEMENT_TIMEOUT.as_millis()),
        format!("idle_in_transaction_session_timeout={}", IDLE_TRANSACTION_TIMEOUT.as_millis()),
    ]
    .map(|option| format!("-c {option}"))
    .join(" ")
}

/// The URL without its `sslmode`, of which the client library knows fewer values than other clients do.
fn take_ssl_mode(url: &str) -> (String, Option<String>) {
    let Some((place, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (modes, rest): (Vec<_>, Vec<_>) = query.split('&').partition(|pair| pair.starts_with("sslmode="));
    let mode = modes.last().and_then(|pair| pair.split_once('=')).map(|(_, mode)| mode.to_owned());
    let url = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
    (url, mode)
}

/// True for a host that no network lies before.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// With its cause: the library's own text says only what kind of error it is.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(formatter, "{separator}{name}")?,
                Host::Unix(path) => write!(formatter, "{separator}{}", path.display())?,
            }
            if let Some(port) = self.config.get_ports().get(index) {
                write!(formatter, ":{port}")?;
            }
        }
        write!(formatter, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        PostgresAddress::new(url, None).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn a_server_elsewhere_is_reached_over_tls_unless_the_url_says_otherwise() {
        assert_eq!(mode("postgres://me@localhost/im"), SslMode::Disable);
        assert_eq!(mode("postgres://me@127.0.0.1:5433/im"), SslMode::Disable);
        assert_eq!(mode("postgresql://me@[::1]/im"), SslMode::Disable);
        assert_eq!(mode("postgres://me@%2Frun%2Fpostgresql/im"), SslMode::Disable);
        assert_eq!(mode("postgres://me@db.example.org/im?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://me@db.example.org/im"), SslMode::Require);
        assert_eq!(mode("postgres://me@localhost,db.example.org/im"), SslMode::Require);
        assert_eq!(mode("postgres://me@localhost/im?connect_timeout=3&sslmode=verify-full"), SslMode::Require);
    }

    #[test]
    fn what_is_no_url_of_a_database_is_refused_without_its_password() {
        for (url, problem) in [
            ("mysql://me:secret@localhost/im", "does not begin with `postgres://`"),
            ("host=localhost password=secret", "does not begin with `postgres://`"),
            ("postgres://me:secret@/im", "names no host"),
            ("postgres://me:secret@localhost", "names no database"),
            ("postgres://me:secret@localhost/im?sslmode=prefer", "`sslmode=prefer`"),
            ("postgres://me:secret@localhost/im?sslrootcert=x", "sslrootcert"),
            ("postgres://me:secret@localhost:port/im", "port"),
        ] {
            let text = PostgresAddress::new(url, None).unwrap_err().to_string();
            assert!(text.contains(problem) && !text.contains("secret"), "{url}: {text}");
        }
    }

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        let address = PostgresAddress::new("postgres://me:secret@localhost:5433/im", None).unwrap();
        assert_eq!(address.to_string(), "localhost:5433/im");
        assert_eq!(format!("{address:?}"), "PostgresAddress(localhost:5433/im)");
    }

    #[test]
    fn files_that_hold_no_certificate_are_refused() {
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let refused = PostgresAddress::new("postgres://me@db.example.org/im", Some(pem.as_bytes()));
            assert!(matches!(refused, Err(InvalidPostgres::Authorities(_))), "{pem}");
        }
    }
}
