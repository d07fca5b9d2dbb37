//! The database of apps, versions and releases.

mod sqlite;

pub(crate) use self::sqlite::{AppRow, KeptVersion, Metadata, NewRelease, NewVariables, VersionRow};
pub use self::sqlite::{DeletedApp, MetadataError};
