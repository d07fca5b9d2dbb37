//! What the backends share about the standing of clients.

use hookd_im_core::store::{Restriction, Role, Standing, StandingChange, StoreError};

/// All restrictions.
pub(crate) const RESTRICTIONS: [Restriction; 2] = [Restriction::Silenced, Restriction::Blocked];

/// A restriction in its column.
pub(crate) fn restriction_column(restriction: Restriction) -> i16 {
    match restriction {
        Restriction::Silenced => 1,
        Restriction::Blocked => 2,
    }
}

/// A role in its column.
pub(crate) fn role_column(role: Role) -> i16 {
    match role {
        Role::Manager => 1,
        Role::Member => 2,
    }
}

/// The reverse of [`role_column`].
pub(crate) fn role(column: i16, row: impl ToString) -> Result<Role, StoreError> {
    [Role::Manager, Role::Member].into_iter().find(|role| role_column(*role) == column).ok_or_else(|| {
        let problem = format!("role {column} is unknown");
        StoreError::Corrupt { table: "member_roles", row: row.to_string(), problem }
    })
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
        StandingChange::SilenceUntil(client, _) => standing.silenced_for_a_time.named.contains(client),
        StandingChange::EndSilence(client) => !standing.silenced_for_a_time.named.contains(client),
        StandingChange::SetRole(info) => standing.roles.get(&info.client) == Some(&info.role),
    }
}
