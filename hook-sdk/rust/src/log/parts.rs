//! What an entry consists of, and what a module with a log does around its calls.

/// How a line is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Finest.
    Trace,
    /// For developers.
    Debug,
    /// Worth knowing.
    Info,
    /// Not as it should be.
    Warn,
    /// Failed.
    Error,
}

/// Where printed text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `print!` and `println!`.
    Stdout,
    /// `eprint!` and `eprintln!`.
    Stderr,
}

/// What surrounds a call in a module that has a log.
///
/// The macros that print or log submit it where they are used. So nothing of the log is linked into a module that never
/// uses one: it imports nothing, and its instances are made faster.
#[doc(hidden)]
pub struct Session {
    pub start: fn(),
    pub finish: fn(),
}

inventory::collect!(Session);
