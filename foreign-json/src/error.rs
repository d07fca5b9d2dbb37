use std::fmt;

/// How deep a value may nest; `serde_json`'s own limit. Reading one takes up to 400 bytes of stack a level, and a guest has 64 KiB.
pub const MAX_DEPTH: usize = 127;

/// Why a text was not read.
#[derive(Debug)]
pub enum Error {
    /// It is not JSON.
    Malformed(serde_json::Error),
    /// It nests deeper than [`MAX_DEPTH`].
    TooDeep,
    /// It is JSON of another shape than was asked for.
    Unfit(serde_json::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) | Self::Unfit(error) => error.fmt(f),
            Self::TooDeep => write!(f, "it nests deeper than {MAX_DEPTH} levels"),
        }
    }
}

impl std::error::Error for Error {}
