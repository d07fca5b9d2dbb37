//! What of a filter an index can answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::filter::{Condition, Filter, Test};

/// The smallest set of rows, known to indexes, that holds every match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Narrowing {
    /// Nothing can match.
    Nothing,
    /// Rows with these `objectId`s.
    Ids(BTreeSet<String>),
    /// Rows whose `m` contains all of these.
    AllMembers(BTreeSet<String>),
    /// Rows whose `m` contains one of these.
    AnyMember(BTreeSet<String>),
    /// All chat rooms.
    ChatRooms,
    /// All service conversations.
    ServiceConversations,
    /// Any row of the app.
    Everything,
}

impl Filter {
    /// Looks at the conditions that hold for every match: those under `$or` do not narrow.
    pub(crate) fn narrowing(&self) -> Narrowing {
        let mut found = Found::default();
        found.take_all(&self.conditions);
        match found {
            Found { chat_rooms: true, service: true, .. } => Narrowing::Nothing,
            Found { ids: Some(ids), .. } => Narrowing::Ids(ids),
            Found { all_members, .. } if !all_members.is_empty() => Narrowing::AllMembers(all_members),
            Found { any_member: Some(members), .. } => Narrowing::AnyMember(members),
            Found { chat_rooms: true, .. } => Narrowing::ChatRooms,
            Found { service: true, .. } => Narrowing::ServiceConversations,
            Found { .. } => Narrowing::Everything,
        }
    }
}

#[derive(Default)]
struct Found {
    chat_rooms: bool,
    service: bool,
    ids: Option<BTreeSet<String>>,
    all_members: BTreeSet<String>,
    any_member: Option<BTreeSet<String>>,
}

impl Found {
    fn take_all(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            match condition {
                Condition::All(conditions) => self.take_all(conditions),
                Condition::Any(_) => {}
                Condition::Key { path, test } if path.is("objectId") => self.take_id(test),
                Condition::Key { path, test } if path.is("m") => self.take_members(test),
                Condition::Key { path, test: Test::Equals(Value::Bool(true)) } => {
                    self.chat_rooms |= path.is("tr");
                    self.service |= path.is("sys");
                }
                Condition::Key { .. } => {}
            }
        }
    }

    fn take_id(&mut self, test: &Test) {
        let wanted = match test {
            Test::Equals(value) => texts(std::slice::from_ref(value)),
            Test::In(values) => texts(values),
            _ => return,
        };
        self.ids = Some(match self.ids.take() {
            Some(ids) => ids.intersection(&wanted).cloned().collect(),
            None => wanted,
        });
    }

    fn take_members(&mut self, test: &Test) {
        match test {
            Test::Equals(Value::String(client)) => {
                self.all_members.insert(client.clone());
            }
            Test::ContainsAll(values) => self.all_members.extend(texts(values)),
            // A null or a list among the values would match rows that no member leads to.
            Test::In(values) if values.iter().all(Value::is_string) => self.any_member = Some(texts(values)),
            _ => {}
        }
    }
}

fn texts(values: &[Value]) -> BTreeSet<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
