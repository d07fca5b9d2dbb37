//! The macros that print and log, with the names and the syntax of the standard library.

/// Prints a line to the app's log, like `std::println!`.
#[macro_export]
macro_rules! println {
    () => { $crate::__print!(Stdout, "\n") };
    ($($argument:tt)*) => {
        $crate::__print!(Stdout, "{}\n", ::std::format_args!($($argument)*))
    };
}

/// Prints text to the app's log, like `std::print!`.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::__print!(Stdout, $($argument)*) };
}

/// Prints a line to the app's log, marked as an error, like `std::eprintln!`.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::__print!(Stderr, "\n") };
    ($($argument:tt)*) => {
        $crate::__print!(Stderr, "{}\n", ::std::format_args!($($argument)*))
    };
}

/// Prints text to the app's log, marked as an error, like `std::eprint!`.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::__print!(Stderr, $($argument)*) };
}

/// Logs an expression and its value, and passes the value on, like `std::dbg!`.
#[macro_export]
macro_rules! dbg {
    () => { $crate::debug!("reached line {}", ::std::line!()) };
    ($value:expr $(,)?) => {
        match $value {
            value => {
                $crate::debug!("{} = {:#?}", ::std::stringify!($value), &value);
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => { ($($crate::dbg!($value)),+,) };
}

/// Logs with level trace, like `log::trace!`.
#[macro_export]
macro_rules! trace {
    ($($argument:tt)+) => { $crate::__log!(Trace, $($argument)+) };
}

/// Logs with level debug, like `log::debug!`.
#[macro_export]
macro_rules! debug {
    ($($argument:tt)+) => { $crate::__log!(Debug, $($argument)+) };
}

/// Logs with level info, like `log::info!`.
#[macro_export]
macro_rules! info {
    ($($argument:tt)+) => { $crate::__log!(Info, $($argument)+) };
}

/// Logs with level warn, like `log::warn!`.
#[macro_export]
macro_rules! warn {
    ($($argument:tt)+) => { $crate::__log!(Warn, $($argument)+) };
}

/// Logs with level error, like `log::error!`.
#[macro_export]
macro_rules! error {
    ($($argument:tt)+) => { $crate::__log!(Error, $($argument)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __print {
    ($stream:ident, $($argument:tt)*) => {{
        $crate::__link_log!();
        $crate::log::print($crate::log::Stream::$stream, ::std::format_args!($($argument)*))
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, target: $target:expr, $($argument:tt)+) => {{
        $crate::__link_log!();
        $crate::log::write($crate::log::Level::$level, $target, ::std::format_args!($($argument)+))
    }};
    ($level:ident, $($argument:tt)+) => {
        $crate::__log!($level, target: ::std::module_path!(), $($argument)+)
    };
}
