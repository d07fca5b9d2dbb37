//! Replies: commands that echo the serial number of a request.

use super::wire::{AckCommand, CommandType, ErrorCommand, GenericCommand, OpType};
use super::{IM_SERVICE, wire};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::ClientId;
use hookd_im_core::timestamp::Timestamp;

/// The request that a reply answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recipient {
    /// `i` of the request. Absent: the request wants no reply (P-25).
    pub(crate) serial: Option<i32>,
    /// The client of the session, or the one that the request names.
    pub(crate) peer: Option<String>,
}

impl Recipient {
    /// Who sent a command, before its session is looked up.
    pub(crate) fn of(command: &GenericCommand) -> Self {
        Self { serial: command.i, peer: command.peer_id.clone() }
    }

    /// The same request, in the name of a session's client (P-28).
    pub(crate) fn to_client(&self, client: &ClientId) -> Self {
        Self { serial: self.serial, peer: Some(client.as_str().to_owned()) }
    }

    /// A reply without payload.
    pub(crate) fn reply(&self, command: CommandType, op: Option<OpType>) -> GenericCommand {
        GenericCommand {
            cmd: Some(command.into()),
            op: op.map(i32::from),
            peer_id: self.peer.clone(),
            i: self.serial,
            service: Some(IM_SERVICE),
            server_ts: Some(Timestamp::now().0),
            ..GenericCommand::default()
        }
    }

    /// The `error` reply (P-109).
    pub(crate) fn error(&self, error: &RequestError) -> GenericCommand {
        GenericCommand { error_message: Some(error_command(error)), ..self.reply(CommandType::Error, None) }
    }

    /// A refused `direct`: `ack` for a wrong target and for a broken store, `error` for all that has a text which must
    /// reach the application, as `ack` cannot carry it (P-110, P-111, P-23).
    pub(crate) fn send_failure(&self, error: &RequestError, conversation: &str) -> GenericCommand {
        let code = code_of(error);
        if !matches!(error, RequestError::Store(_)) && code != Code::InvalidMessagingTarget {
            return self.error(error);
        }
        let ack = AckCommand {
            code: Some(code.number()),
            reason: Some(code.name().to_owned()),
            cid: Some(conversation.to_owned()),
            app_msg: detail_of(error),
            ..AckCommand::default()
        };
        GenericCommand { ack_message: Some(ack), ..self.reply(CommandType::Ack, None) }
    }
}

/// The `error` payload, also the item of `failedPids`.
pub(crate) fn error_command(error: &RequestError) -> ErrorCommand {
    let code = code_of(error);
    let detail = detail_of(error);
    let by_hook =
        matches!(code, Code::ConversationRejectedByApp | Code::MessageRejectedByApp | Code::MessageUpdateRejectedByApp);
    ErrorCommand {
        code: code.number(),
        reason: code.name().to_owned(),
        app_code: match error {
            RequestError::Refused { app_code, .. } => *app_code,
            RequestError::Store(_) => None,
        },
        app_msg: detail.clone().filter(|_| by_hook),
        detail,
        pids: Vec::new(),
    }
}

/// The code that a client sees.
pub(crate) fn code_of(error: &RequestError) -> Code {
    match error {
        RequestError::Refused { code, .. } => *code,
        RequestError::Store(_) => Code::InternalError,
    }
}

fn detail_of(error: &RequestError) -> Option<String> {
    match error {
        RequestError::Refused { detail, .. } => detail.clone(),
        RequestError::Store(_) => None,
    }
}

/// A JSON payload.
pub(crate) fn json(data: String) -> wire::JsonObjectMessage {
    wire::JsonObjectMessage { data }
}

#[cfg(test)]
mod tests {
    use super::Recipient;
    use hookd_im_core::error::{Code, RequestError};

    fn recipient() -> Recipient {
        Recipient { serial: Some(3), peer: Some("alice".into()) }
    }

    #[test]
    fn a_rejection_by_a_hook_carries_its_code_and_text() {
        let error = RequestError::by_hook(Code::MessageRejectedByApp, Some(9890), Some("closed".into()));
        let reply = recipient().send_failure(&error, "c");
        let error = reply.error_message.unwrap();
        assert_eq!((error.code, error.reason.as_str()), (4402, "MESSAGE_REJECTED_BY_APP"));
        assert_eq!(
            (error.app_code, error.detail.as_deref(), error.app_msg.as_deref()),
            (Some(9890), Some("closed"), Some("closed"))
        );
        assert_eq!((reply.i, reply.peer_id.as_deref(), reply.service), (Some(3), Some("alice"), Some(2)));
    }

    #[test]
    fn other_send_failures_are_acks_with_a_code() {
        let reply = recipient().send_failure(&RequestError::code(Code::InvalidMessagingTarget), "c");
        let ack = reply.ack_message.unwrap();
        assert_eq!(
            (ack.code, ack.reason.as_deref(), ack.cid.as_deref()),
            (Some(4401), Some("INVALID_MESSAGING_TARGET"), Some("c"))
        );
        assert!(reply.error_message.is_none());
    }
}
