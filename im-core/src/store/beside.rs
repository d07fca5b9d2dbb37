//! Calls of notification hooks that are stored in the transaction of their operation: a reader that finds the operation
//! finds the call.

use std::net::IpAddr;

use crate::hooks::queue::NewCall;

/// A call to be stored with its operation.
#[derive(Clone, Debug)]
pub struct HookBeside<P> {
    /// The params of the hook. The store fills in what only it knows: an id, a time, the members that were really
    /// added.
    pub params: P,
    /// Address of the client that asked for the operation.
    pub remote_address: Option<IpAddr>,
    /// Where the call goes.
    pub place: CallPlace,
}

/// Where a call is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPlace {
    /// In the queue of hook calls, which is part of the store ([`crate::hooks::HookQueue::joins_store`]).
    Queue {
        /// Not queued when so many calls of the app wait.
        bound: usize,
    },
    /// In the outbox: on its way to a queue that lies elsewhere.
    Outbox,
}

/// What became of a call that was to be stored with its operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallBeside {
    /// There was none, or nothing happened that concerns its hook.
    #[default]
    Absent,
    /// It waits in the queue.
    Queued,
    /// The queue is full.
    Refused,
    /// It waits in the outbox.
    InOutbox(OutboxCall),
}

/// A call in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxCall {
    /// Its number, which no other call of this store ever has.
    pub row: u64,
    /// The call.
    pub call: NewCall,
}
