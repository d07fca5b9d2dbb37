//! A parsed `where`.

use std::cmp::Ordering;

use hookd_im_core::store::Conversation;
use regex::Regex;
use serde_json::Value;

use super::column::{Column, Datum, Path};
use super::pattern::MAX_TEXT_BYTES;

/// Conditions of which all must hold.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(super) conditions: Vec<Condition>,
}

impl Filter {
    /// True for a row that belongs to the result.
    pub(crate) fn matches(&self, conversation: &Conversation) -> bool {
        self.conditions.iter().all(|condition| condition.holds(conversation))
    }

    /// True when [`Filter::matches`] looks at the column: a backend may leave costly ones out otherwise.
    pub(crate) fn mentions(&self, column: &str) -> bool {
        self.conditions.iter().any(|condition| condition.mentions(column))
    }
}

#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Key { path: Path, test: Test },
}

impl Condition {
    fn holds(&self, conversation: &Conversation) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(conversation)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(conversation)),
            Self::Key { path, test } => test.passes(&path.column(conversation)),
        }
    }

    fn mentions(&self, column: &str) -> bool {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().any(|condition| condition.mentions(column))
            }
            Self::Key { path, .. } => path.root == column,
        }
    }
}

/// What a key's value must be.
#[derive(Debug)]
pub(super) enum Test {
    Equals(Value),
    NotEquals(Value),
    Ordered { comparison: Comparison, operand: Value },
    In(Vec<Value>),
    NotIn(Vec<Value>),
    ContainsAll(Vec<Value>),
    Size(usize),
    Exists(bool),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Test {
    fn passes(&self, column: &Column<'_>) -> bool {
        match self {
            Self::Equals(value) => equals(column, value),
            Self::NotEquals(value) => !equals(column, value),
            Self::Ordered { comparison, operand } => {
                let operand = Datum::of(operand);
                column.any(|datum| datum.compare(&operand).is_some_and(|ordering| comparison.accepts(ordering)))
            }
            Self::In(values) => values.iter().any(|value| equals(column, value)),
            Self::NotIn(values) => !values.iter().any(|value| equals(column, value)),
            Self::ContainsAll(values) => !values.is_empty() && values.iter().all(|value| equals(column, value)),
            Self::Size(size) => matches!(column, Column::Many(items) if items.len() == *size),
            Self::Exists(wanted) => *wanted != matches!(column, Column::Absent),
            Self::Matches(regex) => column.any(
                |datum| matches!(datum, Datum::Text(text) if text.len() <= MAX_TEXT_BYTES && regex.is_match(text)),
            ),
        }
    }
}

/// On a list: contains, or is the same list. An absent value equals null.
fn equals(column: &Column<'_>, value: &Value) -> bool {
    let wanted = Datum::of(value);
    if let (Column::Many(items), Value::Array(values)) = (column, value)
        && items.len() == values.len()
        && items.iter().zip(values).all(|(item, value)| item.equals(&Datum::of(value)))
    {
        return true;
    }
    column.any(|datum| datum.equals(&wanted)) || (wanted.is_null() && matches!(column, Column::Absent))
}
