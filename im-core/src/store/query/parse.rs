//! From the JSON of a `where` to a [`Filter`].

use serde_json::{Map, Value};

use super::column::{Datum, Path};
use super::filter::{Comparison, Condition, Filter, Test};
use super::pattern;
use crate::ids::ClientId;
use crate::store::QueryError;

/// `$and` and `$or` inside each other.
const MAX_DEPTH: usize = 16;

/// Tests in one filter: the work for one row is bounded by it.
const MAX_TESTS: usize = 256;

impl Filter {
    /// Reads a `where`. An empty one means the conversations that contain `asking` (P-75).
    pub(in crate::store) fn parse(filter: &Map<String, Value>, asking: &ClientId) -> Result<Self, QueryError> {
        if filter.is_empty() {
            let path = Path { root: "m".to_owned(), rest: Vec::new() };
            let test = Test::Equals(Value::String(asking.as_str().to_owned()));
            return Ok(Self { conditions: vec![Condition::Key { path, test }] });
        }
        Parser::default().conditions(filter, 0).map(|conditions| Self { conditions }).map_err(QueryError::BadFilter)
    }
}

#[derive(Default)]
struct Parser {
    tests: usize,
}

impl Parser {
    fn conditions(&mut self, filter: &Map<String, Value>, depth: usize) -> Result<Vec<Condition>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("`$and` and `$or` are nested more than {MAX_DEPTH} deep"));
        }
        let mut conditions = Vec::with_capacity(filter.len());
        for (key, value) in filter {
            match key.as_str() {
                "$and" => conditions.push(Condition::All(self.alternatives(key, value, depth)?)),
                "$or" => conditions.push(Condition::Any(self.alternatives(key, value, depth)?)),
                operator if operator.starts_with('$') => return Err(format!("unknown operator `{operator}`")),
                _ => self.key(key, value, &mut conditions)?,
            }
        }
        Ok(conditions)
    }

    fn alternatives(&mut self, operator: &str, value: &Value, depth: usize) -> Result<Vec<Condition>, String> {
        let Some(filters) = value.as_array().filter(|filters| !filters.is_empty()) else {
            return Err(format!("`{operator}` takes an array of conditions that is not empty"));
        };
        filters
            .iter()
            .map(|filter| match filter {
                Value::Object(filter) => self.conditions(filter, depth + 1).map(Condition::All),
                _ => Err(format!("`{operator}` takes an array of objects")),
            })
            .collect()
    }

    fn key(&mut self, key: &str, value: &Value, conditions: &mut Vec<Condition>) -> Result<(), String> {
        let path = Path::parse(key).ok_or_else(|| format!("key `{key}` has an empty part"))?;
        let tests = match value {
            Value::Object(operators) if operators.keys().any(|key| key.starts_with('$')) => operators
                .iter()
                .filter_map(|(operator, operand)| test(operator, operand, operators).transpose())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|problem| format!("key `{key}`: {problem}"))?,
            operand => vec![Test::Equals(operand.clone())],
        };
        self.tests += tests.len();
        if self.tests > MAX_TESTS {
            return Err(format!("more than {MAX_TESTS} conditions"));
        }
        conditions.extend(tests.into_iter().map(|test| Condition::Key { path: path.clone(), test }));
        Ok(())
    }
}

/// `None` for `$options`, which belongs to its neighbour.
fn test(operator: &str, operand: &Value, neighbours: &Map<String, Value>) -> Result<Option<Test>, String> {
    let test = match operator {
        "$ne" => Test::NotEquals(operand.clone()),
        "$lt" => ordered(operator, operand, Comparison::Less)?,
        "$lte" => ordered(operator, operand, Comparison::LessOrEqual)?,
        "$gt" => ordered(operator, operand, Comparison::Greater)?,
        "$gte" => ordered(operator, operand, Comparison::GreaterOrEqual)?,
        "$in" => Test::In(list(operator, operand)?),
        "$nin" => Test::NotIn(list(operator, operand)?),
        "$all" => Test::ContainsAll(list(operator, operand)?),
        "$size" => Test::Size(
            operand
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .ok_or("`$size` takes a whole number from 0")?,
        ),
        "$exists" => Test::Exists(operand.as_bool().ok_or("`$exists` takes true or false")?),
        "$regex" => {
            let pattern = operand.as_str().ok_or("`$regex` takes a string")?;
            Test::Matches(pattern::compile(pattern, options(neighbours)?)?)
        }
        "$options" if neighbours.contains_key("$regex") => return Ok(None),
        "$options" => return Err("`$options` needs a `$regex` beside it".to_owned()),
        unknown => return Err(format!("unknown operator `{unknown}`")),
    };
    Ok(Some(test))
}

fn ordered(operator: &str, operand: &Value, comparison: Comparison) -> Result<Test, String> {
    match Datum::of(operand) {
        Datum::Text(_) | Datum::Date(_) | Datum::Json(Value::Number(_)) => {
            Ok(Test::Ordered { comparison, operand: operand.clone() })
        }
        Datum::Bool(_) | Datum::Json(_) => Err(format!("`{operator}` takes a number, a string or a date")),
    }
}

fn list(operator: &str, operand: &Value) -> Result<Vec<Value>, String> {
    operand.as_array().cloned().ok_or_else(|| format!("`{operator}` takes an array"))
}

fn options(operators: &Map<String, Value>) -> Result<&str, &'static str> {
    operators.get("$options").map_or(Ok(""), |options| options.as_str().ok_or("`$options` takes a string"))
}
