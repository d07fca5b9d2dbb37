//! A call on its way to a guest.

use std::sync::Arc;

use tokio::time::Instant;

use super::app_share::SandboxShare;
use super::environment::GuestVariables;
use super::idle_instances::IdleInstances;
use crate::call_chain::CallChain;
use crate::egress::OutboundClient;
use crate::logs::CallLog;
use crate::meters::FunctionMeters;
use crate::usage::UsageNote;
use api_types::{Environment, Limits};

/// A call as the guest sees it, and the limits it runs under.
pub(crate) struct GuestCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) params: &'a str,
    pub(crate) app_id: &'a str,
    pub(crate) environment: Environment,
    pub(crate) remote_address: Option<&'a str>,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) sequence: Option<u64>,
    pub(crate) limits: &'a Limits,
    /// For the guest and its waits to know; `Sandbox::run` stops the call.
    pub(crate) deadline: Instant,
    /// Where it notes what it used, if somebody asked.
    pub(crate) usage: Option<&'a UsageNote>,
    /// The latest end of what it does after its reply.
    pub(crate) work_until: Instant,
    pub(crate) outbound: &'a Arc<OutboundClient>,
    /// The calls behind it, if any are.
    pub(crate) chain: Option<&'a Arc<CallChain>>,
    pub(crate) log: &'a Arc<CallLog>,
    pub(crate) meters: &'a FunctionMeters,
    pub(crate) share: &'a SandboxShare,
    /// For a module that can read them.
    pub(crate) variables: Option<GuestVariables>,
    /// Another number whenever the variables of the version became others: guests read them once.
    pub(crate) variables_number: u64,
    /// Of a warm version.
    pub(crate) idle_instances: Option<&'a IdleInstances>,
}
