//! Which requests share places and connections.

use crate::call_chain::MAX_CALLS;

/// A request to the engine itself waits for another call, which may send requests too. Those must not queue behind it: requests
/// to other hosts have a lane of their own, and so have those to the engine for each number of calls that wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane(usize);

impl Lane {
    pub(crate) const COUNT: usize = MAX_CALLS + 1;

    /// `waiting`: the calls that wait for a request to the engine itself; `None` for one to another host.
    pub(crate) fn of(waiting: Option<usize>) -> Self {
        Self(waiting.map_or(0, |waiting| waiting.min(MAX_CALLS)))
    }

    /// That of the lane among those of all lanes.
    pub(crate) fn pick<T>(self, of_all: &[T; Self::COUNT]) -> &T {
        #[expect(clippy::indexing_slicing, reason = "there are as many as lanes")]
        &of_all[self.0]
    }
}
