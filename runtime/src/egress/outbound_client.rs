//! The client that sends the HTTP requests of one app.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::connections::{ConnectionPool, Egress};
use super::request_class::RequestClass;
use api_types::HostPattern;

/// Where the functions of an app may send requests, and its connections. It goes with the app's settings, so that no connection
/// outlives a permission.
#[derive(Debug)]
pub(crate) struct OutboundClient {
    allowed_hosts: BTreeSet<HostPattern>,
    /// By class of requests, each made for the first request of its class.
    pools: [OnceLock<ConnectionPool>; RequestClass::COUNT],
}

impl OutboundClient {
    pub(crate) fn new(allowed_hosts: BTreeSet<HostPattern>) -> Self {
        Self { allowed_hosts, pools: Default::default() }
    }

    pub(super) fn allows(&self, host: &str, port: u16, usual_port: u16) -> bool {
        self.allowed_hosts.iter().any(|pattern| pattern.matches(host, port, usual_port))
    }

    pub(super) fn pool(&self, egress: &Egress, class: RequestClass) -> &ConnectionPool {
        class.pick(&self.pools).get_or_init(|| egress.connection_pool())
    }
}
