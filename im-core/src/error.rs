//! The errors that a client gets when a request fails.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::store::StoreError;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)*) => {
        /// Codes of S-155 that this server sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The symbolic name, sent as `reason` (P-109).
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// No such application, or it is switched off.
    AppNotAvailable = 4100 "APP_NOT_AVAILABLE",
    /// The signature of a log-in is missing or wrong.
    SignatureFailed = 4102 "SIGNATURE_FAILED",
    /// Client id empty or too long.
    InvalidLogin = 4103 "INVALID_LOGIN",
    /// The command needs a session that this socket does not have.
    SessionRequired = 4105 "SESSION_REQUIRED",
    /// The client is banned from the app.
    Blacklisted = 4106 "BLACKLISTED",
    /// Nothing was heard for too long.
    ReadTimeout = 4107 "READ_TIMEOUT",
    /// Connected, but without a login in time.
    LoginTimeout = 4108 "LOGIN_TIMEOUT",
    /// A message over the size limit.
    FrameTooLong = 4109 "FRAME_TOO_LONG",
    /// A page of a browser that may not connect.
    InvalidOrigin = 4110 "INVALID_ORIGIN",
    /// Another device logged in with the same tag.
    SessionConflict = 4111 "SESSION_CONFLICT",
    /// The session token is unknown or has expired.
    SessionTokenExpired = 4112 "SESSION_TOKEN_EXPIRED",
    /// As many users have logged in today as the app lets in.
    AppQuotaExceeded = 4113 "APP_QUOTA_EXCEEDED",
    /// The frame is not protobuf or not base64.
    UnparseableRawMessage = 4114 "UNPARSEABLE_RAW_MESSAGE",
    /// The app has kicked the client.
    KickedByApp = 4115 "KICKED_BY_APP",
    /// A client makes more requests than its rate allows.
    MessageSentQuotaExceeded = 4116 "MESSAGE_SENT_QUOTA_EXCEEDED",
    /// The server failed, or does not know the command.
    InternalError = 4200 "INTERNAL_ERROR",
    /// The server failed in a conversation operation.
    ConversationInternalError = 4300 "CONVERSATION_INTERNAL_ERROR",
    /// An argument of a conversation operation is wrong; the detail says which.
    ConversationApiFailed = 4301 "CONVERSATION_API_FAILED",
    /// The signature of a request about a conversation is missing or wrong.
    ConversationSignatureFailed = 4302 "CONVERSATION_SIGNATURE_FAILED",
    /// No such conversation.
    ConversationNotFound = 4303 "CONVERSATION_NOT_FOUND",
    /// The member limit is reached.
    ConversationFull = 4304 "CONVERSATION_FULL",
    /// A conversation hook refused.
    ConversationRejectedByApp = 4305 "CONVERSATION_REJECTED_BY_APP",
    /// Changing a conversation that the client is not in.
    ConversationUpdateRejected = 4309 "CONVERSATION_UPDATE_REJECTED",
    /// The query cannot be understood.
    ConversationQueryFailed = 4310 "CONVERSATION_QUERY_FAILED",
    /// History of a conversation that the client is not in.
    ConversationLogRejected = 4312 "CONVERSATION_LOG_REJECTED",
    /// The operation needs a service conversation.
    SystemConversationRequired = 4313 "SYSTEM_CONVERSATION_REQUIRED",
    /// The operation needs a basic conversation.
    NormalConversationRequired = 4314 "NORMAL_CONVERSATION_REQUIRED",
    /// The sender is silenced in the conversation for a time.
    SilencedForATime = 4315 "CONVERSATION_TEMPORARY_BLACKLISTED",
    /// The operation needs a chat room.
    TransientConversationRequired = 4316 "TRANSIENT_CONVERSATION_REQUIRED",
    /// Adding or removing others without being a member.
    ConversationMembershipRequired = 4317 "CONVERSATION_MEMBERSHIP_REQUIRED",
    /// The role of the acting client does not allow it.
    OperationUnauthorized = 4320 "CONVERSATION_OPERATION_UNAUTHORIZED",
    /// No such role.
    UnknownRole = 4321 "UNKNOWN_CONVERSATION_ROLE",
    /// Where roles are in use a conversation keeps its owner.
    OwnerNeeded = 4324 "CONVERSATION_NEED_OWNER",
    /// The app has no roles.
    RolesDisabled = 4325 "CONVERSATION_MEMBER_INFO_FEATURE_DISABLED",
    /// Sending to a conversation that does not exist or that the client is not in.
    InvalidMessagingTarget = 4401 "INVALID_MESSAGING_TARGET",
    /// `_messageReceived` dropped the message.
    MessageRejectedByApp = 4402 "MESSAGE_REJECTED_BY_APP",
    /// Changing a message of another client.
    MessageOwnershipRequired = 4403 "MESSAGE_OWNERSHIP_REQUIRED",
    /// No such message.
    MessageNotFound = 4404 "MESSAGE_NOT_FOUND",
    /// `_messageUpdate` refused.
    MessageUpdateRejectedByApp = 4405 "MESSAGE_UPDATE_REJECTED_BY_APP",
    /// The app does not let clients edit messages.
    MessageEditDisabled = 4406 "MESSAGE_EDIT_DISABLED",
    /// The app does not let clients recall messages.
    MessageRecallDisabled = 4407 "MESSAGE_RECALL_DISABLED",
    /// The word filter changed a message. It appears as the reason of a change only, negated.
    MessageModifiedByCensorship = 4408 "MESSAGE_MODIFIED_BY_CENSORSHIP",
    /// As many are on a blacklist as may be.
    BlacklistFull = 4543 "BLACKLIST_FULL",
    /// The app has no blacklists.
    BlacklistDisabled = 4544 "BLACKLIST_FEATURE_DISABLED",
    /// The signature of a request about a blacklist is missing or wrong.
    BlacklistSignatureFailed = 4546 "BLACKLIST_SIGNATURE_FAILED",
    /// The conversation has blocked the client, or the client the conversation.
    BlockedByConversation = 4548 "BLOCKED_BY_CONV",
    /// As many members are silenced as may be. The name is spelled as the protocol has it.
    SilencedMemberListFull = 4561 "SILIENCED_MEMBER_LIST_FULL",
    /// The sender is silenced in the conversation. The name is spelled as the protocol has it.
    Silenced = 4563 "SILIENCED",
}

/// Why a request was not carried out.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The request is refused; all of this goes to the client.
    #[error("{} ({})", code.name(), code.number())]
    Refused {
        /// Code and symbolic name.
        code: Code,
        /// Text for people; a hook's `detail` when a hook refused.
        detail: Option<String>,
        /// The hook's own code, only when a hook refused.
        app_code: Option<i32>,
    },
    /// The store failed; the client sees 4200 only.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl RequestError {
    /// A refusal with nothing but its code.
    pub fn code(code: Code) -> Self {
        Self::Refused { code, detail: None, app_code: None }
    }

    /// A refusal with a text that names the cause.
    pub fn detailed(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused { code, detail: Some(detail.into()), app_code: None }
    }

    /// A refusal by a hook (S-86).
    pub fn by_hook(code: Code, app_code: Option<i32>, detail: Option<String>) -> Self {
        Self::Refused { code, detail, app_code }
    }
}

/// Why a change is refused that is decided under the lock of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Code and symbolic name.
    pub code: Code,
    /// Text for people.
    pub detail: Option<String>,
}

impl From<Refusal> for RequestError {
    fn from(Refusal { code, detail }: Refusal) -> Self {
        Self::Refused { code, detail, app_code: None }
    }
}
