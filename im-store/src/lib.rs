//! The backends of the store of `hookd-im-core`.

#[doc(hidden)]
pub mod fuzzing;
mod query;
pub mod sqlite;
