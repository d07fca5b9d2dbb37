//! Writes that store the call of a notification hook with their operation.

use bytes::Bytes;
use hook_types::Hook;
use rusqlite::Connection;

use super::{Database, hook_calls, json, outbox};
use crate::hooks::queue::NewCall;
use crate::ids::AppId;
use crate::store::{CallBeside, CallPlace, HookBeside, StoreError};
use crate::timestamp::Timestamp;

/// Stores the call of the operation that is being written, if the queue has a place for it.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    has_place: bool,
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
    ) -> Result<CallBeside, StoreError> {
        let HookBeside { params, remote_address, place } = hook;
        let params = Bytes::from(json::to_column(&params)?);
        let call = NewCall { hook: H::NAME, params, lane: None, remote_address };
        match place {
            CallPlace::Queue { .. } if !self.has_place => Ok(CallBeside::Refused),
            CallPlace::Queue { .. } => {
                hook_calls::push(connection, app, &call, self.now)?;
                Ok(CallBeside::Queued)
            }
            CallPlace::Outbox => Ok(CallBeside::InOutbox(outbox::push(connection, app, call, self.now)?)),
        }
    }
}

impl Database {
    /// Like [`Database::write`], for an operation whose call goes to `place`; `queued` tells whether it is there.
    pub(super) async fn write_beside<T, F>(
        &self,
        operation: &'static str,
        (app, place): (&AppId, Option<CallPlace>),
        queued: impl FnOnce(&T) -> bool,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Beside) -> Result<T, StoreError> + Send + 'static,
    {
        let (wanted, bound) = match place {
            Some(CallPlace::Queue { bound }) => (1, bound),
            Some(CallPlace::Outbox) | None => (0, 0),
        };
        let places = self.places.reserve(app, wanted, bound);
        let has_place = places.count() > 0;
        let work = move |connection: &Connection, now| work(connection, Beside { has_place, now });
        let done = self.write(operation, work).await?;
        if queued(&done) {
            places.keep();
        }
        Ok(done)
    }
}
