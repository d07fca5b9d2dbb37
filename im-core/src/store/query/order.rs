//! The order of a query's rows (P-75).

use std::cmp::{Ordering, Reverse};

use serde_json::Value;

use super::column::{Column, Datum, Path};
use crate::store::Conversation;

/// Newest `updatedAt` first, after the keys of a sort list if there is one.
#[derive(Debug)]
pub(in crate::store) struct SortOrder {
    keys: Vec<SortKey>,
}

#[derive(Debug)]
struct SortKey {
    path: Path,
    descending: bool,
}

impl SortOrder {
    /// Reads a comma list of keys, `-key` descending; parts that are no key are passed over.
    pub(in crate::store) fn parse(list: Option<&str>) -> Self {
        let keys = list.unwrap_or_default().split(',').map(str::trim).filter_map(|part| {
            let (key, descending) = part.strip_prefix('-').map_or((part, false), |key| (key, true));
            Some(SortKey { path: Path::parse(key)?, descending })
        });
        Self { keys: keys.collect() }
    }

    /// True when rows are asked for as a backend's index by `updatedAt` gives them.
    pub(in crate::store) fn is_newest_first(&self) -> bool {
        match self.keys.as_slice() {
            [] => true,
            [key] => key.descending && key.path.is("updatedAt"),
            _ => false,
        }
    }

    /// True when the column decides about the order.
    pub(in crate::store) fn mentions(&self, column: &str) -> bool {
        self.keys.iter().any(|key| key.path.root == column)
    }

    pub(in crate::store) fn compare(&self, left: &Conversation, right: &Conversation) -> Ordering {
        self.keys
            .iter()
            .map(|key| {
                let ordering = compare_columns(&key.path.column(left), &key.path.column(right));
                if key.descending { ordering.reverse() } else { ordering }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| Reverse(left.updated_at).cmp(&Reverse(right.updated_at)))
    }
}

/// Values of one type by value, types among each other in a fixed order, absent first.
fn compare_columns(left: &Column<'_>, right: &Column<'_>) -> Ordering {
    if let (Column::One(left), Column::One(right)) = (left, right)
        && let Some(ordering) = left.compare(right)
    {
        return ordering;
    }
    type_rank(left).cmp(&type_rank(right))
}

fn type_rank(column: &Column<'_>) -> u8 {
    match column {
        Column::Absent | Column::One(Datum::Json(Value::Null)) => 0,
        Column::One(Datum::Json(Value::Number(_))) => 1,
        Column::One(Datum::Text(_)) => 2,
        Column::One(Datum::Json(_)) => 3,
        Column::Many(_) => 4,
        Column::One(Datum::Bool(_)) => 5,
        Column::One(Datum::Date(_)) => 6,
    }
}
