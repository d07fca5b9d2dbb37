//! Whom the server runs as: PostgreSQL refuses to run as root.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Accounts without rights, best first: the one of Debian's package, and one that every system has.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// An account that is not root.
#[derive(Clone, Copy)]
pub(crate) enum Account {
    /// The test's own.
    Own,
    /// Another one; only root can use it.
    Other { user: u32, group: u32 },
}

impl Account {
    /// The test's own, or for root an account without rights.
    pub(crate) fn for_servers() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::Own;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        let find = |name: &&str| {
            let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
            let ids = fields
                .filter(|fields| fields.first() == Some(name))
                .find_map(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
            ids.map(|(user, group)| Self::Other { user, group })
        };
        CANDIDATES.iter().find_map(find).unwrap_or_else(|| panic!("no account for PostgreSQL but root"))
    }

    /// Makes the command run as this account.
    pub(crate) fn run_as_it(self, command: &mut Command) {
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
    }

    /// Gives it a folder and everything inside.
    pub(crate) fn own(self, path: &Path) {
        let Self::Other { user, group } = self else { return };
        chown(path, Some(user), Some(group)).unwrap();
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| self.own(&entry.unwrap().path()));
        }
    }
}
