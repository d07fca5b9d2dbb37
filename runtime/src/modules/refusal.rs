//! Why an upload is refused: the problem and the fix.

use thiserror::Error;

use crate::outcome::Outcome;

/// The fault of an upload. The text names the reason and the fix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Neither WebAssembly nor a bundle.
    #[error("the upload is neither a WebAssembly module nor a bundle; upload the file that `hookd build` writes")]
    NotWasm,
    /// The bundle cannot be read.
    #[error("the bundle cannot be read: {0}; build it again with the `hookd` of this server's version")]
    InvalidBundle(String),
    /// A core module, as compilers emit them.
    #[error(
        "the upload is a core WebAssembly module, not a component; `hookd build` makes a component of it, \
         `wasm-tools component new` does it by hand"
    )]
    CoreModule,
    /// The bytes end too soon or break the format.
    #[error("the module is malformed: {0}; build it again")]
    Malformed(String),
    /// Longer than the engine takes.
    #[error(
        "the module has {size_bytes} bytes, more than the limit of {limit_bytes}; build it in release mode, stripped"
    )]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// More than the app may keep on disk.
    #[error(
        "the module has {needed_bytes} bytes with its machine code and what else must be kept, more than the app's limit \
         `disk_bytes` of {limit_bytes}; make it smaller, or have the operator raise that with `hookd settings --max-limit`"
    )]
    NoRoomOnDisk {
        /// With what is live in the other environment.
        needed_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The contract's export is not there.
    #[error(
        "the component does not export `{export}`; implement the world `module` of hookd.wit, or use the hook SDK \
         of your language{}", found(.present)
    )]
    MissingExport {
        /// The interface that every module exports.
        export: &'static str,
        /// The interfaces that this one exports.
        present: Vec<String>,
    },
    /// The engine does not have what the module needs.
    #[error("the component imports `{import}`, which the engine does not offer: {hint}")]
    UnknownImport {
        /// Name of the import.
        import: String,
        /// Why not, and what to do.
        hint: &'static str,
    },
    /// The names fit, the types do not.
    #[error("the component's interfaces do not fit the engine's: {0}; build it with the SDK of this engine's version")]
    Interfaces(String),
    /// The names fit, and the functions are those of an older or newer contract.
    #[error("{0}")]
    OtherContract(String),
    /// The compiler found the code invalid.
    #[error("the module cannot be compiled: {0}")]
    NotCompilable(String),
    /// The files of a bundle fail while they are loaded.
    #[error("the project's files cannot be loaded: {0}")]
    NotLoaded(String),
    /// Compiling was stopped.
    #[error("compiling the module took more than the limits allow ({0}); make the module smaller or simpler")]
    CompileLimit(String),
    /// `definitions` did not return.
    #[error("the module's `definitions` cannot be read: {0}")]
    DefinitionsFailed(Outcome),
    /// `definitions` did not return, and the module logged why.
    #[error("the module's code fails when it is loaded:\n{0}")]
    LoadFailed(String),
    /// A name that could not be called.
    #[error("the module defines a function with the name `{name}`, which {problem}")]
    InvalidName {
        /// The name, cut to a readable length.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The same name twice.
    #[error("the module defines the function `{0}` twice; remove one of them")]
    DuplicateName(String),
    /// More functions than the engine keeps.
    #[error("the module defines {count} functions, more than the limit of {limit}")]
    TooManyFunctions {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
}

fn found(present: &[String]) -> String {
    if present.is_empty() { String::new() } else { format!(" (it exports `{}`)", present.join("`, `")) }
}
