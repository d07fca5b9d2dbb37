//! The order of a query's rows (P-75).

use std::cmp::{Ordering, Reverse};

use hookd_im_core::store::{Conversation, QueryError};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Number, Value};

use super::column::{Column, Datum, Path, compare_numbers};

/// Keys of one list: each is compared for every row.
const MAX_KEYS: usize = 8;

/// Newest `updatedAt` first, after the keys of a sort list if there is one.
#[derive(Debug)]
pub(crate) struct SortOrder {
    keys: Vec<SortKey>,
}

#[derive(Debug)]
struct SortKey {
    path: Path,
    descending: bool,
}

impl SortOrder {
    /// Reads a comma list of keys, `-key` descending; invalid keys are skipped.
    pub(crate) fn parse(list: Option<&str>) -> Result<Self, QueryError> {
        let keys = list.unwrap_or_default().split(',').map(str::trim).filter_map(|part| {
            let (key, descending) = part.strip_prefix('-').map_or((part, false), |key| (key, true));
            Some(SortKey { path: Path::parse(key)?, descending })
        });
        let keys: Vec<_> = keys.collect();
        if keys.len() > MAX_KEYS {
            return Err(QueryError::BadFilter(format!("`sort` has more than {MAX_KEYS} keys")));
        }
        Ok(Self { keys })
    }

    /// True when rows are asked for as a backend's index by `updatedAt` gives them.
    pub(crate) fn is_newest_first(&self) -> bool {
        match self.keys.as_slice() {
            [] => true,
            [key] => key.descending && key.path.is("updatedAt"),
            _ => false,
        }
    }

    /// True when the column decides about the order.
    pub(crate) fn mentions(&self, column: &str) -> bool {
        self.keys.iter().any(|key| key.path.root == column)
    }

    /// Where a row belongs; all that need be kept of a row to sort it.
    pub(crate) fn place(&self, conversation: &Conversation) -> Place {
        let values = self.keys.iter().map(|key| {
            let value = SortValue::of(&key.path.column(conversation));
            if key.descending { Directed::Descending(Reverse(value)) } else { Directed::Ascending(value) }
        });
        Place { values: values.collect(), updated_at: Reverse(conversation.updated_at) }
    }
}

/// The place of a row in its order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    values: Vec<Directed>,
    updated_at: Reverse<Timestamp>,
}

impl Place {
    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.values.iter().map(|value| match value {
            Directed::Ascending(SortValue::Text(text)) | Directed::Descending(Reverse(SortValue::Text(text))) => {
                text.len()
            }
            _ => 0,
        });
        size_of::<Self>() + self.values.len() * size_of::<Directed>() + texts.sum::<usize>()
    }
}

/// All places of one order have the same variant at the same position.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Directed {
    Ascending(SortValue),
    Descending(Reverse<SortValue>),
}

/// Values of one type by value, types among each other in a fixed order, absent first.
#[derive(Debug)]
enum SortValue {
    Absent,
    Number(Number),
    Text(String),
    Object,
    List,
    Bool(bool),
    Date(Timestamp),
}

impl SortValue {
    fn of(column: &Column<'_>) -> Self {
        match column {
            Column::Absent | Column::One(Datum::Json(Value::Null)) => Self::Absent,
            Column::One(Datum::Json(Value::Number(number))) => Self::Number(number.clone()),
            Column::One(Datum::Text(text)) => Self::Text((*text).to_owned()),
            Column::One(Datum::Json(_)) => Self::Object,
            Column::Many(_) => Self::List,
            Column::One(Datum::Bool(bool)) => Self::Bool(*bool),
            Column::One(Datum::Date(date)) => Self::Date(*date),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Object => 3,
            Self::List => 4,
            Self::Bool(_) => 5,
            Self::Date(_) => 6,
        }
    }
}

impl Ord for SortValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => compare_numbers(left, right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Date(left), Self::Date(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for SortValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortValue {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Column, Datum, SortValue};

    /// A sort that meets an order without transitivity may panic.
    #[test]
    fn whole_and_broken_numbers_have_one_order() {
        let values = [
            json!(null),
            json!(-1.5),
            json!(0),
            json!(9_007_199_254_740_991_i64),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_994.0),
            json!(18_446_744_073_709_551_615_u64),
            json!(1e300),
            json!("a"),
            json!({}),
            json!(true),
        ];
        let sorted: Vec<_> = values.iter().map(|value| SortValue::of(&Column::One(Datum::of(value)))).collect();
        for (left_at, left) in sorted.iter().enumerate() {
            for (right_at, right) in sorted.iter().enumerate() {
                assert_eq!(left.cmp(right), left_at.cmp(&right_at), "{left:?} {right:?}");
            }
        }
        let whole = SortValue::of(&Column::One(Datum::of(&json!(1))));
        assert_eq!(whole, SortValue::of(&Column::One(Datum::of(&json!(1.0)))));
    }
}
