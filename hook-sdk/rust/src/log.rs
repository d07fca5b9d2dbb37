//! The way to the app's log; the macros of this crate lead here.

mod parts;

use std::fmt;

pub use self::parts::{Level, Session, Stream};

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
