//! What the backends share about the standing of clients.

use hookd_im_core::store::{Restriction, Standing, StandingChange};

/// All restrictions.
pub(crate) const RESTRICTIONS: [Restriction; 1] = [Restriction::Silenced];

/// A restriction in its column.
pub(crate) fn restriction_column(restriction: Restriction) -> i16 {
    match restriction {
        Restriction::Silenced => 1,
    }
}

/// True when a change is what holds now.
pub(crate) fn is_made(standing: &Standing, change: &StandingChange) -> bool {
    match change {
        StandingChange::Restrict(restriction, clients) => {
            let named = &standing.restricted(*restriction).named;
            clients.iter().all(|client| named.contains(client))
        }
        StandingChange::Lift(restriction, clients) => {
            let named = &standing.restricted(*restriction).named;
            clients.iter().all(|client| !named.contains(client))
        }
    }
}
