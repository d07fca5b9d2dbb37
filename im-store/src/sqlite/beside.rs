//! Writes that store the call of a notification hook with their operation.

use bytes::Bytes;
use hook_types::Hook;
use hookd_im_core::hooks::queue::NewCall;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{CallBeside, CallPlace, HookBeside, StoreError};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::Connection;

use super::error::WorkError;
use super::{Database, hook_calls, json, outbox};

/// Stores the call of the operation that is being written, if the queue has a place for it.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    now: Timestamp,
}

impl Beside {
    /// When the operation happens.
    pub(super) fn now(self) -> Timestamp {
        self.now
    }

    /// Stores the call of the hook `H`.
    pub(super) fn store<H: Hook>(
        self,
        connection: &Connection,
        app: &AppId,
        hook: HookBeside<H::Params>,
    ) -> Result<CallBeside, WorkError> {
        let HookBeside { params, remote_address, place } = hook;
        let params = Bytes::from(json::to_column(&params)?);
        let call = NewCall { hook: H::NAME, params, lane: None, remote_address };
        match place {
            CallPlace::Queue { bound } if hook_calls::free_places(connection, app, bound)? == 0 => {
                Ok(CallBeside::Refused)
            }
            CallPlace::Queue { .. } => {
                hook_calls::push(connection, app, &call, self.now)?;
                Ok(CallBeside::Queued)
            }
            CallPlace::Outbox => Ok(CallBeside::InOutbox(outbox::push(connection, app, call, self.now)?)),
        }
    }
}

impl Database {
    /// Like [`Database::write_and_read_back`], for an operation that may have a call.
    pub(super) async fn write_beside<T, F, E>(
        &self,
        operation: &'static str,
        work: F,
        happened: E,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Beside) -> Result<T, WorkError> + Send + 'static,
        E: FnOnce(&Connection, &T) -> Result<bool, WorkError> + Send + 'static,
    {
        let work = move |connection: &Connection, now| work(connection, Beside { now });
        self.write_and_read_back(operation, work, happened).await
    }
}
