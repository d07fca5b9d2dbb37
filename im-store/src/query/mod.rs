//! What the `where` and `sort` of a conversation query mean (P-75 … P-77), for every backend: a backend fetches
//! candidates by [`Filter::narrowing`] and keeps those that [`Filter::matches`].

pub(crate) mod budget;
mod column;
mod filter;
mod narrow;
mod order;
mod parse;
mod pattern;

pub(crate) use self::filter::Filter;
pub(crate) use self::narrow::Narrowing;
pub(crate) use self::order::{Place, SortOrder};
