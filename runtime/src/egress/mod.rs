//! HTTP requests of functions: to hosts that the app allows, at addresses that are public, within the call's budget.
//!
//! A name is resolved once per connection, every address is checked, and the connection goes to a checked address: a name
//! that answers differently the second time gains nothing. Redirects are the guest's to follow, with a new request that is
//! checked like the first.

mod addresses;
mod body;
mod budget;
mod connections;
mod connector;
mod failure;
mod open_bodies;
mod outbound_client;
mod repeatable;
mod request_class;
mod resolve;
mod send;
mod span;

use std::sync::Arc;

pub use ipnet::IpNet as Network;
use rustls::pki_types::CertificateDer;

pub use self::addresses::AddressGuard;
pub(crate) use self::budget::CallBudget;
pub(crate) use self::connections::Egress;
pub(crate) use self::outbound_client::OutboundClient;
pub use self::resolve::Resolve;
use self::resolve::SystemResolver;
pub(crate) use self::send::{Grant, send};

/// What holds for the requests of all apps.
#[derive(Clone, Debug)]
pub struct EgressConfig {
    /// Networks that functions may connect to though they are not public; none by default.
    pub private_networks: Vec<Network>,
    /// Looks names up; the system's resolver by default.
    pub resolver: Arc<dyn Resolve>,
    /// Certificates trusted besides those of the system.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self { private_networks: Vec::new(), resolver: Arc::new(SystemResolver), extra_roots: Vec::new() }
    }
}
