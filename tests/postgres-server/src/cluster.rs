//! Making the files of an empty server. It is done once for all tests, which copy them: `initdb` takes half a second.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ROLE;
use crate::account::Account;

/// Its data inside of the folder of a server.
pub(crate) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Makes the data of an empty server in a folder.
pub(crate) fn make(folder: &Path) {
    let template = template();
    if !template.is_dir() {
        make_template(&template);
    }
    let copied = Command::new("cp").arg("-R").arg(&template).arg(data(folder)).status().unwrap();
    assert!(copied.success(), "the files of PostgreSQL cannot be copied");
    Account::for_servers().own(folder);
}

/// A program of PostgreSQL: Debian keeps most of them beside the PATH.
pub(crate) fn program(name: &str) -> PathBuf {
    let in_path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&in_path).map(|folder| folder.join(name));
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().map_while(Result::ok);
    let mut of_debian: Vec<_> = of_debian.map(|version| version.path().join("bin").join(name)).collect();
    // Several versions may be installed.
    of_debian.sort();
    let found = of_debian.into_iter().rev().chain(in_path).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed; `scripts/set-up.sh test` installs PostgreSQL"))
}

/// Where the files to copy are: with what cargo builds, so that `cargo clean` removes them.
fn template() -> PathBuf {
    let version = Command::new(program("postgres")).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let digits: String = version.chars().filter(|character| character.is_ascii_digit() || *character == '.').collect();
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    target.join(format!("postgres-{digits}"))
}

/// In a folder of its own first: tests of several processes do it at the same time.
fn make_template(template: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let account = Account::for_servers();
    account.own(folder.path());
    let mut command = Command::new(program("initdb"));
    account.run_as_it(&mut command);
    // An order of texts that is not that of their code points: what depends on the order must say which one it wants.
    let output = command
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--auth=trust"])
        .args(["--no-sync", "--wal-segsize=1", &format!("--username={ROLE}"), "-D"])
        .arg(data(folder.path()))
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "`initdb` failed: {}", String::from_utf8_lossy(&output.stderr));
    let beside = tempfile::Builder::new().prefix("postgres-").tempdir_in(template.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-R").arg(data(folder.path())).arg(data(beside.path())).status().unwrap();
    assert!(copied.success(), "the files of PostgreSQL cannot be copied");
    // Another process may have been faster.
    let _ = fs::rename(data(beside.path()), template);
}
