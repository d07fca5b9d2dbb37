//! The Rust compiler that can produce WebAssembly on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ProjectError;

/// The target of every Rust hook: a core module without a system below it, the fastest to instantiate.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A small stack keeps the initial memory small, which is what a fresh instance costs.
const STACK_BYTES: u32 = 64 * 1024;

/// Where the compiler and the standard library come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// `cargo` of the path, whose compiler has the target's standard library.
    Installed,
    /// Debian's `rustc-web` and `rust-web-src`: the standard library is built from source, once per target folder.
    Debian {
        /// Debian's cargo, not a rustup proxy.
        cargo: PathBuf,
        /// Debian's rustc.
        rustc: PathBuf,
    },
}

impl Toolchain {
    /// Looks for one.
    ///
    /// # Errors
    /// When there is none; the error names the ways to get one.
    pub fn find() -> Result<Self, ProjectError> {
        if sysroot_of("rustc").is_some_and(|sysroot| has_target(&sysroot)) {
            return Ok(Self::Installed);
        }
        let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
        if sysroot_of(&rustc).is_some_and(|sysroot| has_source(&sysroot)) && has_linker() && cargo.exists() {
            return Ok(Self::Debian { cargo, rustc });
        }
        Err(ProjectError::new(format!("no Rust compiler for `{TARGET}` on this machine")).hint(format!(
            "run `rustup target add {TARGET}`, or on Debian `apt-get install rustc-web cargo-web rust-web-src lld`"
        )))
    }

    /// Its cargo, which finds its compiler.
    pub fn cargo(&self) -> Command {
        match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian { cargo, rustc } => {
                let mut command = Command::new(cargo);
                command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", rustc);
                command
            }
        }
    }

    /// A `cargo build` for hooks: optimised, and shaped for fast instantiation.
    pub fn cargo_build(&self) -> Command {
        let mut command = self.cargo();
        command.args(["build", "--release", "--target", TARGET]);
        if let Self::Debian { .. } = self {
            command.args(["-Z", "build-std=std,panic_abort"]);
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", rustflags());
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3");
        command.env("CARGO_PROFILE_RELEASE_LTO", "fat");
        command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
        command.env("CARGO_PROFILE_RELEASE_PANIC", "abort");
        // Names stay in the module: a trap's backtrace is unreadable without them.
        command.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
        command
    }
}

/// The developer's flags and those of hookd. They go where cargo looks first: flags set there hide those set elsewhere.
fn rustflags() -> String {
    let theirs = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_else(|_| {
        let spaced = std::env::var("RUSTFLAGS").unwrap_or_default();
        spaced.split_whitespace().collect::<Vec<_>>().join(FLAG_SEPARATOR)
    });
    let ours = format!("-Clink-arg=-zstack-size={STACK_BYTES}");
    if theirs.is_empty() { ours } else { [theirs, ours].join(FLAG_SEPARATOR) }
}

/// Of `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\u{1f}";

fn sysroot_of(rustc: impl AsRef<std::ffi::OsStr>) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

fn has_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/std").is_dir()
}

fn has_linker() -> bool {
    Command::new("wasm-ld").arg("--version").output().is_ok_and(|output| output.status.success())
}
