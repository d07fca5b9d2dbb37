//! Who asks for a use case.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Code, RequestError};
use crate::ids::{ClientId, RequestId, SessionId};

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The app.
    pub app: Arc<App>,
    /// A client of the app, or its administrator.
    pub identity: Identity,
    /// The address that the request came from.
    pub address: IpAddr,
    /// The request of a session; `None` for requests over HTTP.
    pub origin: Option<Origin>,
}

/// In whose name a use case acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A client.
    Client(ClientId),
    /// The holder of the master key.
    Administrator,
}

/// The request that causes an event: the delivery holds the event back on the connection of the request until the reply was
/// written (P-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The acting session.
    pub session: SessionId,
    /// Its request.
    pub request: RequestId,
}

impl Actor {
    /// The acting client.
    ///
    /// # Errors
    /// 4105 for the administrator: this use case needs a client.
    pub fn client(&self) -> Result<&ClientId, RequestError> {
        match &self.identity {
            Identity::Client(client) => Ok(client),
            Identity::Administrator => {
                Err(RequestError::detailed(Code::SessionRequired, "only a client can do this, not the administrator"))
            }
        }
    }

    /// # Errors
    /// 4320 for a client: this use case is the administrator's.
    pub(crate) fn check_administrator(&self) -> Result<(), RequestError> {
        match self.identity {
            Identity::Administrator => Ok(()),
            Identity::Client(_) => {
                let detail = "only the administrator can do this, not a client";
                Err(RequestError::detailed(Code::OperationUnauthorized, detail))
            }
        }
    }

    /// The acting session, if the request came from one.
    pub fn session(&self) -> Option<SessionId> {
        self.origin.map(|origin| origin.session)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(formatter),
            Self::Administrator => formatter.write_str("(administrator)"),
        }
    }
}
