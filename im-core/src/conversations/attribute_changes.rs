//! What a change of attributes makes of a conversation: plain values, dotted paths and operations (P-71, S-19).

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Number, Value};

use super::row::is_reserved;
use super::{MAX_ATTRIBUTES_BYTES, MAX_ATTRIBUTES_DEPTH};

/// The attributes after a change. Keys are names or dotted paths (`attr.topic`); values are plain, or operations like
/// `{"__op": "Increment", "amount": 1}`. What only the server writes is passed over (P-65).
///
/// # Errors
/// A text that names the key and what is wrong with it, or how far the result is too large.
pub(super) fn applied(
    mut attributes: Map<String, Value>,
    asked: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    for (path, value) in asked.iter().filter(|(path, _)| !is_reserved(top_level(path))) {
        let keys: Vec<&str> = path.split('.').collect();
        if keys.len() > MAX_ATTRIBUTES_DEPTH || keys.contains(&"") {
            return Err(format!("`{path}` is not the path of an attribute"));
        }
        change_at(&mut attributes, &keys, value).map_err(|problem| format!("`{path}`: {problem}"))?;
    }
    check_size(&Value::Object(attributes.clone()).to_string())?;
    Ok(attributes)
}

/// The attributes at the top level that a change is about, with their values now: `null` for one that is gone.
pub(super) fn changed(attributes: &Map<String, Value>, asked: &Map<String, Value>) -> Map<String, Value> {
    let names: BTreeSet<&str> = asked.keys().map(|path| top_level(path)).filter(|name| !is_reserved(name)).collect();
    let value = |name: &str| attributes.get(name).cloned().unwrap_or_default();
    names.into_iter().map(|name| (name.to_owned(), value(name))).collect()
}

/// Attributes as they are stored and sent have bounds.
///
/// # Errors
/// A text that names the bound.
pub(super) fn check_size(json: &str) -> Result<(), String> {
    if json.len() > MAX_ATTRIBUTES_BYTES {
        return Err(format!("the attributes have {} bytes; at most {MAX_ATTRIBUTES_BYTES} are allowed", json.len()));
    }
    if foreign_json::depth(json) > MAX_ATTRIBUTES_DEPTH {
        return Err(format!("the attributes nest deeper than {MAX_ATTRIBUTES_DEPTH} levels"));
    }
    Ok(())
}

fn top_level(path: &str) -> &str {
    path.split_once('.').map_or(path, |(first, _)| first)
}

fn change_at(object: &mut Map<String, Value>, keys: &[&str], value: &Value) -> Result<(), String> {
    match keys {
        [] => Ok(()),
        [key] => change_value(object, key, value),
        [key, inner @ ..] => match object.entry(*key).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(object) => change_at(object, inner, value),
            _ => Err(format!("`{key}` is not an object")),
        },
    }
}

fn change_value(object: &mut Map<String, Value>, key: &str, value: &Value) -> Result<(), String> {
    let Some(operation) = value.get("__op").and_then(Value::as_str) else {
        object.insert(key.to_owned(), value.clone());
        return Ok(());
    };
    let current = object.get(key);
    let changed = match operation {
        "Delete" => {
            object.remove(key);
            return Ok(());
        }
        "Increment" => sum(current, value.get("amount"))?,
        "Add" => changed_list(current, value, |list, objects| list.extend(objects.iter().cloned()))?,
        "AddUnique" => changed_list(current, value, |list, objects| {
            let mut present: HashSet<Value> = list.iter().cloned().collect();
            list.extend(objects.iter().filter(|object| present.insert((*object).clone())).cloned());
        })?,
        "Remove" => changed_list(current, value, |list, objects| {
            let removed: HashSet<&Value> = objects.iter().collect();
            list.retain(|element| !removed.contains(element));
        })?,
        unknown => {
            let known = "Delete, Increment, Add, AddUnique and Remove";
            return Err(format!("the operation `{unknown}` is unknown; there are {known}"));
        }
    };
    object.insert(key.to_owned(), changed);
    Ok(())
}

/// A number plus `amount`; an attribute that is absent counts as 0.
fn sum(current: Option<&Value>, amount: Option<&Value>) -> Result<Value, String> {
    let Some(Value::Number(amount)) = amount else { return Err("`amount` is not a number".to_owned()) };
    let zero = Number::from(0);
    let current = match current {
        None => &zero,
        Some(Value::Number(current)) => current,
        Some(_) => return Err("its value is not a number".to_owned()),
    };
    if let (Some(current), Some(amount)) = (current.as_i64(), amount.as_i64())
        && let Some(sum) = current.checked_add(amount)
    {
        return Ok(sum.into());
    }
    let sum = current.as_f64().zip(amount.as_f64()).map(|(current, amount)| current + amount);
    let sum = sum.and_then(Number::from_f64).ok_or("the sum is not a number that JSON can write")?;
    Ok(Value::Number(sum))
}

/// A list after a change with the `objects` of an operation; an attribute that is absent counts as an empty list. Both may
/// have thousands of elements, and other writes wait meanwhile: a change must not look through one list for each element of the
/// other.
fn changed_list(
    current: Option<&Value>,
    operation: &Value,
    change: impl FnOnce(&mut Vec<Value>, &[Value]),
) -> Result<Value, String> {
    let Some(Value::Array(objects)) = operation.get("objects") else {
        return Err("`objects` is not a list".to_owned());
    };
    let mut list = match current {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(_) => return Err("its value is not a list".to_owned()),
    };
    change(&mut list, objects);
    Ok(Value::Array(list))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{applied, changed};
    use crate::conversations::{MAX_ATTRIBUTES_BYTES, MAX_ATTRIBUTES_DEPTH};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn after(before: Value, asked: Value) -> Value {
        Value::Object(applied(object(before), &object(asked)).unwrap())
    }

    fn problem(before: Value, asked: Value) -> String {
        applied(object(before), &object(asked)).unwrap_err()
    }

    #[test]
    fn plain_values_and_paths_set_what_they_name() {
        let before = json!({ "name": "old", "attr": { "topic": 1, "kept": true } });
        let asked = json!({ "name": "new", "attr.topic": [2], "attr.deep.er": null, "colour": "red" });
        let expected = json!({
            "name": "new", "attr": { "topic": [2], "kept": true, "deep": { "er": null } }, "colour": "red",
        });
        assert_eq!(after(before, asked), expected);
    }

    #[test]
    fn operations_work_on_the_value_that_is_there() {
        let before = json!({ "n": 1, "half": 0.5, "list": ["a", "b"], "gone": 1 });
        let asked = json!({
            "n": { "__op": "Increment", "amount": 2 },
            "half": { "__op": "Increment", "amount": 1 },
            "fresh": { "__op": "Increment", "amount": -1 },
            "list": { "__op": "AddUnique", "objects": ["b", "c"] },
            "tags": { "__op": "Add", "objects": ["x", "x"] },
            "gone": { "__op": "Delete" },
            "none": { "__op": "Remove", "objects": ["x"] },
        });
        let expected = json!({
            "n": 3, "half": 1.5, "fresh": -1, "list": ["a", "b", "c"], "tags": ["x", "x"], "none": [],
        });
        assert_eq!(after(before, asked), expected);
        let removed = json!({ "list": { "__op": "Remove", "objects": ["a"] } });
        assert_eq!(after(json!({ "list": ["a", "b", "a"] }), removed), json!({ "list": ["b"] }));
    }

    /// Fifty million comparisons of elements would take many seconds here.
    #[test]
    fn lists_of_thousands_of_elements_are_changed_at_once() {
        let numbers: Vec<u32> = (0..10_000).collect();
        let further: Vec<u32> = (5_000..10_010).collect();
        let unique = json!({ "list": { "__op": "AddUnique", "objects": further } });
        let all: Vec<u32> = (0..10_010).collect();
        assert_eq!(after(json!({ "list": numbers }), unique), json!({ "list": all }));
        let removed = json!({ "list": { "__op": "Remove", "objects": further } });
        let rest: Vec<u32> = (0..5_000).collect();
        assert_eq!(after(json!({ "list": numbers }), removed), json!({ "list": rest }));
    }

    #[test]
    fn a_sum_beyond_whole_numbers_is_a_float() {
        let asked = json!({ "n": { "__op": "Increment", "amount": 1 } });
        assert_eq!(after(json!({ "n": i64::MAX }), asked), json!({ "n": 9_223_372_036_854_775_807.0_f64 }));
    }

    #[test]
    fn reserved_names_are_passed_over() {
        let asked = json!({ "m": ["x"], "objectId": "y", "mu.0": "z", "name": "n" });
        assert_eq!(after(json!({}), asked.clone()), json!({ "name": "n" }));
        assert_eq!(changed(&object(json!({ "name": "n" })), &object(asked)), object(json!({ "name": "n" })));
    }

    #[test]
    fn a_change_is_described_by_whole_attributes() {
        let now = object(json!({ "attr": { "topic": 2, "kept": 1 }, "name": "n" }));
        let asked = object(json!({ "attr.topic": 2, "attr.gone": { "__op": "Delete" }, "old": { "__op": "Delete" } }));
        assert_eq!(changed(&now, &asked), object(json!({ "attr": { "topic": 2, "kept": 1 }, "old": null })));
    }

    #[test]
    fn changes_that_make_no_sense_name_the_attribute() {
        assert_eq!(
            problem(json!({ "name": "x" }), json!({ "name.first": 1 })),
            "`name.first`: `name` is not an object"
        );
        let more = json!({ "name": { "__op": "Increment", "amount": 1 } });
        assert_eq!(problem(json!({ "name": "x" }), more), "`name`: its value is not a number");
        let add = json!({ "name": { "__op": "Add", "objects": "x" } });
        assert_eq!(problem(json!({}), add), "`name`: `objects` is not a list");
        let strange = json!({ "name": { "__op": "Batch" } });
        assert!(problem(json!({}), strange).contains("`Batch` is unknown"));
        for path in ["", ".", "a..b", "a.", &"a.".repeat(100_000)] {
            assert!(problem(json!({}), json!({ path: 1 })).contains("not the path"), "{path:.20}");
        }
    }

    #[test]
    fn the_result_is_bounded_however_it_was_reached() {
        let half = "x".repeat(MAX_ATTRIBUTES_BYTES / 2);
        assert!(problem(json!({ "a": half }), json!({ "b": half })).contains("bytes"));
        let path = vec!["a"; MAX_ATTRIBUTES_DEPTH].join(".");
        assert!(problem(json!({}), json!({ path: [1] })).contains("deeper"));
    }
}
