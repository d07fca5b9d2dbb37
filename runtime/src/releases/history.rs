//! The version that was live before, from the acts of an environment.

use std::str::FromStr;
use std::time::SystemTime;

use super::{Release, Variables};
use api_types::{Definition, Isolation};

/// Releases that are kept of each environment of an app. A version is kept as long as one of them names it, and the newest
/// version always is.
pub const KEPT_RELEASES: u32 = 100;

/// How a version became live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseAct {
    /// A new version.
    Deploy,
    /// Staging's version, in production.
    Publish,
    /// An earlier version, again.
    Rollback,
    /// The version that was live, with other environment variables.
    Env,
}

impl ReleaseAct {
    /// The word in the database and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Publish => "publish",
            Self::Rollback => "rollback",
            Self::Env => "env",
        }
    }
}

impl FromStr for ReleaseAct {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "deploy" => Ok(Self::Deploy),
            "publish" => Ok(Self::Publish),
            "rollback" => Ok(Self::Rollback),
            "env" => Ok(Self::Env),
            other => Err(format!("`{other}` is not an act of a release")),
        }
    }
}

/// An entry of an app's history.
#[derive(Clone, Debug)]
pub struct PastRelease {
    /// The version that became live, and where.
    pub release: Release,
    /// By which act.
    pub act: ReleaseAct,
    /// When.
    pub at: SystemTime,
    /// Size of the module.
    pub size_bytes: u64,
    /// The author as given; empty when it was not given.
    pub author: String,
    /// Why; may be empty.
    pub message: String,
    /// True for the newest release of its environment.
    pub is_live: bool,
}

/// A version with all that is recorded about it.
#[derive(Clone, Debug)]
pub struct Version {
    /// Counted per app: 1, 2, 3 …
    pub number: u64,
    /// SHA-256 of the module's bytes, in hexadecimal.
    pub module: String,
    /// Size of the module.
    pub size_bytes: u64,
    /// Its functions.
    pub definitions: Vec<Definition>,
    /// What separates its calls from each other.
    pub isolation: Isolation,
    /// Its environment variables.
    pub variables: Variables,
    /// When it was made.
    pub created_at: SystemTime,
    /// Every act that made it live, newest first.
    pub releases: Vec<PastRelease>,
}

/// The version to go back to: the one that was live before the present one. A version that was rolled back from is
/// passed over, so that going back twice goes back two versions. `acts` are those of one environment, oldest first.
pub(crate) fn before_present(acts: &[(ReleaseAct, u64)]) -> Option<u64> {
    let mut path: Vec<u64> = Vec::new();
    for &(act, version) in acts {
        let earlier = path.iter().rposition(|&passed| passed == version);
        match earlier.filter(|_| act == ReleaseAct::Rollback) {
            Some(at) => path.truncate(at + 1),
            None if path.last() == Some(&version) => {}
            None => path.push(version),
        }
    }
    path.len().checked_sub(2).and_then(|at| path.get(at)).copied()
}

#[cfg(test)]
mod tests {
    use super::ReleaseAct::{Deploy, Env, Publish, Rollback};
    use super::*;

    #[test]
    fn nothing_comes_before_the_first_version() {
        assert_eq!(before_present(&[]), None);
        assert_eq!(before_present(&[(Deploy, 1)]), None);
        assert_eq!(before_present(&[(Publish, 1), (Publish, 1)]), None);
    }

    #[test]
    fn going_back_twice_goes_back_two_versions() {
        let mut acts = vec![(Deploy, 1), (Deploy, 2), (Deploy, 3)];
        assert_eq!(before_present(&acts), Some(2));
        acts.push((Rollback, 2));
        assert_eq!(before_present(&acts), Some(1));
        acts.push((Rollback, 1));
        assert_eq!(before_present(&acts), None);
    }

    #[test]
    fn a_change_of_variables_is_a_step_of_its_own() {
        assert_eq!(before_present(&[(Deploy, 1), (Env, 2)]), Some(1));
    }

    #[test]
    fn a_version_that_was_rolled_back_from_is_passed_over() {
        assert_eq!(before_present(&[(Deploy, 1), (Deploy, 2), (Rollback, 1), (Deploy, 3)]), Some(1));
    }

    #[test]
    fn the_order_of_releases_counts_and_not_the_number() {
        assert_eq!(before_present(&[(Deploy, 5), (Publish, 4)]), Some(5));
    }

    #[test]
    fn a_rollback_to_a_version_that_was_only_staged_is_a_step_forward() {
        assert_eq!(before_present(&[(Deploy, 1), (Deploy, 3), (Rollback, 2)]), Some(3));
    }
}
