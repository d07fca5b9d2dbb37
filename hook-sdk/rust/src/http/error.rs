use std::fmt;

/// Why a request has no response. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not valid, or not an HTTP URL.
    InvalidUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header's name or value cannot be sent.
    InvalidHeader(String),
    /// The app does not allow the host.
    HostNotAllowed {
        /// With its port where that is not the usual one.
        host: String,
    },
    /// The host has an address that is not public.
    AddressProhibited {
        /// As in the URL.
        host: String,
    },
    /// The host's name cannot be resolved.
    Unresolved {
        /// As in the URL.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The call has used a limit up; the text names it.
    LimitReached(String),
    /// No response in time.
    TimedOut {
        /// As in the URL.
        host: String,
    },
    /// A redirect that is not followed.
    Redirect(String),
    /// The connection failed or broke.
    Connection {
        /// As in the URL.
        host: String,
        /// In a few words.
        reason: String,
    },
    /// A test sent a request and has no stand-in.
    NoStandIn,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { url, reason } => write!(f, "`{url}` cannot be requested: {reason}"),
            Self::InvalidHeader(name) => write!(f, "the header `{name}` cannot be sent"),
            Self::HostNotAllowed { host } => {
                write!(f, "host `{host}` is not allowed; allow it with `hookd settings --allow-host {host}`")
            }
            Self::AddressProhibited { host } => write!(
                f,
                "`{host}` has an address that is not public; the operator opens a network with `hookd up \
                 --allow-private-egress`"
            ),
            Self::Unresolved { host, reason } => write!(f, "the name `{host}` cannot be resolved: {reason}"),
            Self::LimitReached(text) | Self::Redirect(text) => f.write_str(text),
            Self::TimedOut { host } => write!(f, "`{host}` did not answer in time"),
            Self::Connection { host, reason } => write!(f, "the request to `{host}` failed: {reason}"),
            Self::NoStandIn => f.write_str("no request leaves a test; answer it with `hook_sdk::http::stand_in`"),
        }
    }
}

impl std::error::Error for Error {}
