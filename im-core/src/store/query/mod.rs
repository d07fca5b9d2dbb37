//! What the `where` and `sort` of a conversation query mean (P-75 … P-77), for every backend: a backend fetches
//! candidates by [`Filter::narrowing`] and keeps those that [`Filter::matches`].

mod column;
mod filter;
mod narrow;
mod order;
mod parse;
mod pattern;

pub(super) use self::filter::Filter;
pub(super) use self::narrow::Narrowing;
pub(super) use self::order::{Place, SortOrder};

/// For the fuzzer: whether a `where` can be read.
pub(crate) fn check_filter(
    filter: &serde_json::Map<String, serde_json::Value>,
    asking: &crate::ids::ClientId,
) -> Result<(), super::QueryError> {
    Filter::parse(filter, asking).map(drop)
}
