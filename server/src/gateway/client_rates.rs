//! Requests over the rate of their client (S-27, S-28).
//!
//! Counted are requests that a use case or the presence would work for. Acknowledgements, read marks and heartbeats are not: they
//! are the client SDK's own, and it sends them by itself.

use hookd_im_core::app::RateOverflow;
use hookd_im_core::client_rates::Operation;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{AppId, ClientId};

use super::Shared;
use crate::gateway::protocol::wire::{CommandType, GenericCommand, OpType};

/// What a command counts as.
pub(super) fn operation(command: &GenericCommand) -> Operation {
    match command.cmd() {
        CommandType::Direct => Operation::Send,
        CommandType::Logs => Operation::QueryHistory,
        other => {
            let op = command.op.and_then(|op| OpType::try_from(op).ok());
            Operation::Other { command: other.as_str_name(), op: op.map_or("", |op| op.as_str_name()) }
        }
    }
}

impl Shared {
    /// Takes a request from the allowance of its client. Settings that were never read limit nothing: a log-in reads them, and only
    /// a store that fails keeps them away.
    ///
    /// # Errors
    /// 4116; whether the client gets it says [`Self::is_unanswered`].
    pub(super) fn take_turn(
        &self,
        app: &AppId,
        client: &ClientId,
        command: &GenericCommand,
    ) -> Result<(), RequestError> {
        let Some(settings) = self.core.settings.cached(app) else { return Ok(()) };
        self.core.client_rates.take(&settings, (app, client), operation(command))
    }

    /// True for the refusal of a request over its rate, in apps that do not answer such requests.
    pub(super) fn is_unanswered(&self, app: &AppId, error: &RequestError) -> bool {
        let is_over_rate = matches!(error, RequestError::Refused { code: Code::MessageSentQuotaExceeded, .. });
        let overflow = || self.core.settings.cached(app).unwrap_or_default().client_rate_overflow;
        is_over_rate && overflow() == RateOverflow::Silent
    }
}
