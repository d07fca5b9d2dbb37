//! Connections over HTTP, from the sockets that listen to the last byte of an answer.

mod accept;
mod admission;
mod connections;
mod exchange;
mod forward;
mod forwarding_trust;
mod listen;
mod self_signed;
mod tls;
mod transport;

pub(crate) use self::admission::Place;
pub(crate) use self::connections::{RequestHandler, Service};
pub(crate) use self::forward::forwarded;
pub(crate) use self::forwarding_trust::ForwardingTrust;
pub(crate) use self::listen::{Listeners, absolute};
pub(crate) use self::self_signed::self_signed;
pub use self::tls::{Certificate, CertificateFiles, TlsConfig};
