//! The way to the app's log; the macros of this crate lead here.

use std::fmt;

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

/// Writes one entry. `source` says where it comes from, for example a module path.
pub fn write(level: Level, source: &str, message: fmt::Arguments<'_>) {
    #[cfg(target_family = "wasm")]
    crate::guest::log(level, source, message);
    #[cfg(not(target_family = "wasm"))]
    std::eprintln!("{level:?} {source}: {message}");
}

/// Prints text. Each line becomes an entry; what has no line end yet waits for it until the call is over.
pub fn print(stream: Stream, text: fmt::Arguments<'_>) {
    #[cfg(target_family = "wasm")]
    crate::guest::print(stream, text);
    #[cfg(not(target_family = "wasm"))]
    match stream {
        Stream::Stdout => std::print!("{text}"),
        Stream::Stderr => std::eprint!("{text}"),
    }
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

/// Links the log into the module.
#[doc(hidden)]
#[macro_export]
macro_rules! __link_log {
    () => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__private::submit! { $crate::__private::SESSION }
        };
    };
}
