//! The row of a conversation as a filter sees it (P-80), and comparing its values.

use std::cmp::Ordering;

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::{Conversation, ConversationKind};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Map, Number, Value};

/// A key of a filter or sort list, dotted into objects: `attr.topic`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: String,
    pub(super) rest: Vec<String>,
}

impl Path {
    /// `None` when a part is empty.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('.').map(str::to_owned);
        let root = parts.next()?;
        let rest: Vec<_> = parts.collect();
        if root.is_empty() || rest.iter().any(String::is_empty) { None } else { Some(Self { root, rest }) }
    }

    pub(super) fn is(&self, column: &str) -> bool {
        self.root == column && self.rest.is_empty()
    }

    pub(super) fn column<'a>(&self, conversation: &'a Conversation) -> Column<'a> {
        let own = match self.root.as_str() {
            "objectId" => Column::text(Some(conversation.id.as_str())),
            "c" => Column::text(conversation.creator.as_ref().map(ClientId::as_str)),
            "uniqueId" => Column::text(conversation.unique_id.as_deref()),
            "unique" => conversation.unique_id.as_ref().map_or(Column::Absent, |_| Column::One(Datum::Bool(true))),
            "tr" => Column::mark(conversation.kind == ConversationKind::ChatRoom),
            "sys" => Column::mark(conversation.kind == ConversationKind::Service),
            // The rows of these show none (S-7).
            "lm" if conversation.kind == ConversationKind::Service => Column::Absent,
            "lm" => conversation.last_message_at.map_or(Column::Absent, |time| Column::One(Datum::Date(time))),
            "createdAt" => Column::One(Datum::Date(conversation.created_at)),
            "updatedAt" => Column::One(Datum::Date(conversation.updated_at)),
            "m" => Column::clients(&conversation.members),
            "mu" => Column::clients(&conversation.muted),
            _ => return self.attribute(&conversation.attributes).map_or(Column::Absent, Column::of),
        };
        if self.rest.is_empty() { own } else { Column::Absent }
    }

    fn attribute<'a>(&self, attributes: &'a Map<String, Value>) -> Option<&'a Value> {
        self.rest.iter().try_fold(attributes.get(&self.root)?, |value, part| value.get(part))
    }
}

/// The value under a key. A list is compared by its elements.
#[derive(Debug)]
pub(super) enum Column<'a> {
    Absent,
    One(Datum<'a>),
    Many(Vec<Datum<'a>>),
}

impl<'a> Column<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Array(items) => Self::Many(items.iter().map(Datum::of).collect()),
            other => Self::One(Datum::of(other)),
        }
    }

    fn mark(is_set: bool) -> Self {
        if is_set { Self::One(Datum::Bool(true)) } else { Self::Absent }
    }

    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, |text| Self::One(Datum::Text(text)))
    }

    fn clients(clients: &'a [ClientId]) -> Self {
        Self::Many(clients.iter().map(|client| Datum::Text(client.as_str())).collect())
    }

    /// True when the value, or an element of the list, passes.
    pub(super) fn any(&self, passes: impl Fn(&Datum<'a>) -> bool) -> bool {
        match self {
            Self::Absent => false,
            Self::One(datum) => passes(datum),
            Self::Many(items) => items.iter().any(passes),
        }
    }
}

/// One value; typed dates (`{"__type":"Date","iso":…}`) are times.
#[derive(Clone, Copy, Debug)]
pub(super) enum Datum<'a> {
    Bool(bool),
    Text(&'a str),
    Date(Timestamp),
    /// Anything else, numbers included.
    Json(&'a Value),
}

impl<'a> Datum<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(bool) => Self::Bool(*bool),
            Value::String(text) => Self::Text(text),
            Value::Object(object) => typed_date(object).map_or(Self::Json(value), Self::Date),
            Value::Null | Value::Number(_) | Value::Array(_) => Self::Json(value),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Json(Value::Null))
    }

    /// `None` for values of different types, and of types without an order.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Date(left), Self::Date(right)) => Some(left.cmp(right)),
            (Self::Json(Value::Number(left)), Self::Json(Value::Number(right))) => Some(compare_numbers(left, right)),
            _ => None,
        }
    }

    /// Deep; `1` equals `1.0`.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(Value::Null), Self::Json(Value::Null)) => true,
            (Self::Json(Value::Array(left)), Self::Json(Value::Array(right))) => equal_lists(left, right),
            (Self::Json(Value::Object(left)), Self::Json(Value::Object(right))) => {
                left.len() == right.len()
                    && left.iter().all(|(key, value)| {
                        right.get(key).is_some_and(|other| Datum::of(value).equals(&Datum::of(other)))
                    })
            }
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}

/// By value. Whole numbers are compared exactly, also with broken ones: an order in which two neighbours each equal a third
/// number is none.
pub(super) fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(whole), None) => compare_whole(whole, right.as_f64().unwrap_or(f64::NAN)),
        (None, Some(whole)) => compare_whole(whole, left.as_f64().unwrap_or(f64::NAN)).reverse(),
        // A zero has no sign here.
        (None, None) => {
            let [left, right] = [left, right].map(|number| number.as_f64().unwrap_or(f64::NAN) + 0.0);
            left.total_cmp(&right)
        }
    }
}

fn compare_whole(whole: i128, broken: f64) -> Ordering {
    // Conversion keeps the whole part, and beyond the range its end.
    let floor = broken.floor();
    whole.cmp(&(floor as i128)).then_with(|| if broken > floor { Ordering::Less } else { Ordering::Equal })
}

fn equal_lists(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| Datum::of(left).equals(&Datum::of(right)))
}

fn typed_date(object: &Map<String, Value>) -> Option<Timestamp> {
    if object.get("__type")?.as_str()? != "Date" {
        return None;
    }
    Timestamp::from_iso(object.get("iso")?.as_str()?)
}
