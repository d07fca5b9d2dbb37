//! Releases as answers show them.

use api_types::control::{PastRelease, Release};
use api_types::rfc3339;

pub(super) fn shown(release: &hookd_runtime::Release) -> Release {
    Release {
        app_id: release.app_id.clone(),
        environment: release.environment,
        version: release.version,
        module: release.module.clone(),
        isolation: release.isolation,
        functions: release.definitions.iter().map(|definition| definition.name.clone()).collect(),
    }
}

/// With what the history says of it.
pub(super) fn shown_past(past: &hookd_runtime::PastRelease) -> PastRelease {
    PastRelease {
        release: shown(&past.release),
        act: past.act.name().to_owned(),
        at: rfc3339::millis(past.at),
        size_bytes: past.size_bytes,
        author: past.author.clone(),
        message: past.message.clone(),
        live: past.is_live,
    }
}
