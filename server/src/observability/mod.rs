//! Metrics and traces of a server.

pub(crate) mod metrics;
pub(crate) mod prometheus;
pub(crate) mod traces;
