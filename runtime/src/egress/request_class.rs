//! Which requests share permits and connections.

use crate::call_chain::MAX_CALLS;

/// A request to the engine itself waits for another call, which may send requests too. Those must not queue behind it: requests
/// to other hosts are a class, and so are those to the engine for each number of calls that wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestClass(usize);

impl RequestClass {
    pub(crate) const COUNT: usize = MAX_CALLS + 1;

    /// `waiting`: the calls that wait for a request to the engine itself; `None` for one to another host.
    pub(crate) fn of(waiting: Option<usize>) -> Self {
        Self(waiting.map_or(0, |waiting| waiting.min(MAX_CALLS)))
    }

    /// The one for this class.
    pub(crate) fn pick<T>(self, one_for_each: &[T; Self::COUNT]) -> &T {
        #[expect(clippy::indexing_slicing, reason = "there are as many as classes")]
        &one_for_each[self.0]
    }
}
