//! What a key may hold.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::reply::Data;

/// What an element of a collection costs besides its bytes.
pub(super) const ELEMENT_OVERHEAD_BYTES: usize = 64;
/// A collection has room for so many times the elements that it holds, and no more.
const MOST_ROOM: usize = 4;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Text),
    Hash(Hash),
    List(List),
    Set(Set),
    SortedSet(SortedSet),
}

impl Value {
    /// As `TYPE` names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.0.len(),
            Self::Hash(hash) => hash.bytes,
            Self::List(list) => list.bytes,
            Self::Set(set) => set.bytes,
            Self::SortedSet(set) => set.bytes,
        }
    }

    /// How many elements it takes to read or remove it, with each KiB of a text as one.
    pub(super) fn work(&self) -> usize {
        match self {
            Self::Text(text) => text.0.len() >> 10,
            Self::Hash(hash) => hash.fields.len(),
            Self::List(list) => list.elements.len(),
            Self::Set(set) => set.members.len(),
            Self::SortedSet(set) => set.scores.len(),
        }
    }

    /// Gives back most of the memory that a collection held for elements which it has lost: that memory is not counted.
    pub(super) fn give_memory_back(&mut self) {
        match self {
            Self::Text(_) => {}
            Self::Hash(Hash { fields, .. }) => {
                if let Some(capacity) = smaller_capacity(fields.len(), fields.capacity()) {
                    fields.shrink_to(capacity);
                }
            }
            Self::List(List { elements, .. }) => {
                if let Some(capacity) = smaller_capacity(elements.len(), elements.capacity()) {
                    elements.shrink_to(capacity);
                }
            }
            Self::Set(Set { members, .. }) => {
                if let Some(capacity) = smaller_capacity(members.len(), members.capacity()) {
                    members.shrink_to(capacity);
                }
            }
            Self::SortedSet(SortedSet { scores, .. }) => {
                if let Some(capacity) = smaller_capacity(scores.len(), scores.capacity()) {
                    scores.shrink_to(capacity);
                }
            }
        }
    }

    /// The same, counted anew.
    #[cfg(test)]
    pub(super) fn recounted_bytes(&self) -> usize {
        let element = |data: &Data| data.len() + ELEMENT_OVERHEAD_BYTES;
        match self {
            Self::Text(text) => text.0.len(),
            Self::Hash(hash) => hash.fields.iter().map(|(field, (_, value))| element(field) + value.len()).sum(),
            Self::List(list) => list.elements.iter().map(element).sum(),
            Self::Set(set) => set.members.iter().map(element).sum(),
            Self::SortedSet(set) => {
                assert_eq!(set.scores.len(), set.order.len(), "both views hold the same members");
                set.scores.keys().map(|member| element(member) + ELEMENT_OVERHEAD_BYTES).sum()
            }
        }
    }

    /// Elements that it has room for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Text(text) => text.0.len(),
            Self::Hash(hash) => hash.fields.capacity(),
            Self::List(list) => list.elements.capacity(),
            Self::Set(set) => set.members.capacity(),
            Self::SortedSet(set) => set.scores.capacity(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            // An empty text is a value like any other; the other kinds cease to exist with their last element.
            Self::Text(_) => false,
            Self::Hash(hash) => hash.fields.is_empty(),
            Self::List(list) => list.elements.is_empty(),
            Self::Set(set) => set.members.is_empty(),
            Self::SortedSet(set) => set.scores.is_empty(),
        }
    }
}

/// The capacity to which a collection is shrunk; `None` while it has not lost half of its elements since the last time.
pub(super) fn smaller_capacity(length: usize, capacity: usize) -> Option<usize> {
    (capacity > MOST_ROOM * length.max(8)).then_some(2 * length)
}

/// One of the kinds of values.
pub(super) trait Kind: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

macro_rules! kinds {
    ($($kind:ident)*) => {$(
        impl Kind for $kind {
            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }

            fn into_value(self) -> Value {
                Value::$kind(self)
            }
        }
    )*};
}

kinds!(Text Hash List Set SortedSet);

#[derive(Clone, Debug)]
pub(super) struct Text(pub(super) Data);

impl Default for Text {
    fn default() -> Self {
        Self(Data::from([]))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Hash {
    /// Each value with its place among the fields: how many were added before it.
    fields: HashMap<Data, (u64, Data)>,
    added: u64,
    bytes: usize,
}

impl Hash {
    pub(super) fn get(&self, field: &Data) -> Option<&Data> {
        self.fields.get(field).map(|(_, value)| value)
    }

    pub(super) fn contains(&self, field: &Data) -> bool {
        self.fields.contains_key(field)
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// All fields, in the order in which they were added, as Redis has those of a small hash.
    pub(super) fn in_order(&self) -> Vec<(&Data, &Data)> {
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_unstable_by_key(|(_, (place, _))| *place);
        fields.into_iter().map(|(field, (_, value))| (field, value)).collect()
    }

    /// True when the field is new.
    pub(super) fn set(&mut self, field: &Data, value: Data) -> bool {
        self.bytes += field.len() + value.len() + ELEMENT_OVERHEAD_BYTES;
        if let Some((_, before)) = self.fields.get_mut(field) {
            self.bytes -= field.len() + before.len() + ELEMENT_OVERHEAD_BYTES;
            *before = value;
            return false;
        }
        self.fields.insert(field.clone(), (self.added, value));
        self.added += 1;
        true
    }

    pub(super) fn remove(&mut self, field: &Data) -> bool {
        let Some((_, value)) = self.fields.remove(field) else { return false };
        self.bytes -= field.len() + value.len() + ELEMENT_OVERHEAD_BYTES;
        true
    }
}

/// Which end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Left,
    Right,
}

#[derive(Clone, Debug, Default)]
pub(super) struct List {
    elements: VecDeque<Data>,
    bytes: usize,
}

impl List {
    pub(super) fn elements(&self) -> &VecDeque<Data> {
        &self.elements
    }

    pub(super) fn push(&mut self, end: End, element: Data) {
        self.bytes += element.len() + ELEMENT_OVERHEAD_BYTES;
        match end {
            End::Left => self.elements.push_front(element),
            End::Right => self.elements.push_back(element),
        }
    }

    pub(super) fn pop(&mut self, end: End) -> Option<Data> {
        let element = match end {
            End::Left => self.elements.pop_front(),
            End::Right => self.elements.pop_back(),
        }?;
        self.bytes -= element.len() + ELEMENT_OVERHEAD_BYTES;
        Some(element)
    }

    /// Nothing happens at a position that does not exist.
    pub(super) fn replace(&mut self, position: usize, element: Data) {
        if let Some(before) = self.elements.get_mut(position) {
            self.bytes = self.bytes + element.len() - before.len();
            *before = element;
        }
    }

    /// Replaces all elements by what `change` makes of them.
    pub(super) fn rebuild(&mut self, change: impl FnOnce(VecDeque<Data>) -> VecDeque<Data>) {
        self.elements = change(std::mem::take(&mut self.elements));
        self.bytes = self.elements.iter().map(|element| element.len() + ELEMENT_OVERHEAD_BYTES).sum();
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    members: HashSet<Data>,
    bytes: usize,
}

impl Set {
    pub(super) fn members(&self) -> &HashSet<Data> {
        &self.members
    }

    pub(super) fn insert(&mut self, member: &Data) -> bool {
        let is_new = self.members.insert(member.clone());
        if is_new {
            self.bytes += member.len() + ELEMENT_OVERHEAD_BYTES;
        }
        is_new
    }

    pub(super) fn remove(&mut self, member: &Data) -> bool {
        let was_there = self.members.remove(member);
        if was_there {
            self.bytes -= member.len() + ELEMENT_OVERHEAD_BYTES;
        }
        was_there
    }
}

/// A score that has an order; never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score(pub(super) f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Redis takes 0 and -0 for equal; adding zero makes one of the other.
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct SortedSet {
    scores: HashMap<Data, f64>,
    order: BTreeSet<(Score, Data)>,
    bytes: usize,
}

impl SortedSet {
    /// Scores by member.
    pub(super) fn scores(&self) -> &HashMap<Data, f64> {
        &self.scores
    }

    /// Members by score, those of one score by their bytes.
    pub(super) fn order(&self) -> &BTreeSet<(Score, Data)> {
        &self.order
    }

    /// The score before, if the member was there.
    pub(super) fn set(&mut self, member: &Data, score: f64) -> Option<f64> {
        let before = self.scores.insert(member.clone(), score);
        match before {
            Some(before) => {
                self.order.remove(&(Score(before), member.clone()));
            }
            // Held twice, by member and by score.
            None => self.bytes += member.len() + 2 * ELEMENT_OVERHEAD_BYTES,
        }
        self.order.insert((Score(score), member.clone()));
        before
    }

    pub(super) fn remove(&mut self, member: &Data) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.order.remove(&(Score(score), member.clone()));
        self.bytes -= member.len() + 2 * ELEMENT_OVERHEAD_BYTES;
        true
    }
}
