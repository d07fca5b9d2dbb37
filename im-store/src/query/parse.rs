//! From the JSON of a `where` to a [`Filter`].

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::QueryError;
use serde_json::{Map, Value};

use super::column::{Datum, Path};
use super::filter::{Comparison, Condition, Filter, Test};
use super::pattern;

/// `$and` and `$or` inside each other.
const MAX_DEPTH: usize = 16;

/// Tests in one filter: the work for one row is bounded by it.
const MAX_TESTS: usize = 256;

/// Objects under `$and` and `$or` in one filter.
const MAX_ALTERNATIVES: usize = 256;

/// Values in the lists of one filter (`$in`, `$nin`, `$all`): each is compared with each row. An SDK asks for 999 ids.
const MAX_LISTED: usize = 1000;

/// Patterns in one filter: the costliest of the tests.
const MAX_PATTERNS: usize = 16;

impl Filter {
    /// Reads a `where`. An empty one means the conversations that contain `asking` (P-75).
    pub(crate) fn parse(filter: &Map<String, Value>, asking: &ClientId) -> Result<Self, QueryError> {
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
    alternatives: usize,
    listed: usize,
    patterns: usize,
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
        self.alternatives += filters.len();
        if self.alternatives > MAX_ALTERNATIVES {
            return Err(format!("`$and` and `$or` of the filter have more than {MAX_ALTERNATIVES} conditions"));
        }
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
                .filter_map(|(operator, operand)| self.test(operator, operand, operators).transpose())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|problem| format!("key `{key}`: {problem}"))?,
            operand => {
                self.count_test()?;
                vec![Test::Equals(operand.clone())]
            }
        };
        conditions.extend(tests.into_iter().map(|test| Condition::Key { path: path.clone(), test }));
        Ok(())
    }

    /// `None` for `$options`, which belongs to its neighbour.
    fn test(
        &mut self,
        operator: &str,
        operand: &Value,
        neighbours: &Map<String, Value>,
    ) -> Result<Option<Test>, String> {
        self.count_test()?;
        let test = match operator {
            "$ne" => Test::NotEquals(operand.clone()),
            "$lt" => ordered(operator, operand, Comparison::Less)?,
            "$lte" => ordered(operator, operand, Comparison::LessOrEqual)?,
            "$gt" => ordered(operator, operand, Comparison::Greater)?,
            "$gte" => ordered(operator, operand, Comparison::GreaterOrEqual)?,
            "$in" => Test::In(self.list(operator, operand)?),
            "$nin" => Test::NotIn(self.list(operator, operand)?),
            "$all" => Test::ContainsAll(self.list(operator, operand)?),
            "$size" => Test::Size(
                operand
                    .as_u64()
                    .and_then(|size| usize::try_from(size).ok())
                    .ok_or("`$size` takes a whole number from 0")?,
            ),
            "$exists" => Test::Exists(operand.as_bool().ok_or("`$exists` takes true or false")?),
            "$regex" => {
                self.patterns += 1;
                if self.patterns > MAX_PATTERNS {
                    return Err(format!("the filter has more than {MAX_PATTERNS} patterns (`$regex`)"));
                }
                let pattern = operand.as_str().ok_or("`$regex` takes a string")?;
                Test::Matches(pattern::compile(pattern, options(neighbours)?)?)
            }
            "$options" if neighbours.contains_key("$regex") => return Ok(None),
            "$options" => return Err("`$options` needs a `$regex` beside it".to_owned()),
            unknown => return Err(format!("unknown operator `{unknown}`")),
        };
        Ok(Some(test))
    }

    /// Counted before it is built: parts beyond the bound cost nothing.
    fn count_test(&mut self) -> Result<(), String> {
        self.tests += 1;
        if self.tests > MAX_TESTS { Err(format!("the filter has more than {MAX_TESTS} conditions")) } else { Ok(()) }
    }

    fn list(&mut self, operator: &str, operand: &Value) -> Result<Vec<Value>, String> {
        let list = operand.as_array().ok_or_else(|| format!("`{operator}` takes an array"))?;
        self.listed += list.len();
        if self.listed > MAX_LISTED {
            return Err(format!("the lists of the filter have more than {MAX_LISTED} values"));
        }
        Ok(list.clone())
    }
}

fn ordered(operator: &str, operand: &Value, comparison: Comparison) -> Result<Test, String> {
    match Datum::of(operand) {
        Datum::Text(_) | Datum::Date(_) | Datum::Json(Value::Number(_)) => {
            Ok(Test::Ordered { comparison, operand: operand.clone() })
        }
        Datum::Bool(_) | Datum::Json(_) => Err(format!("`{operator}` takes a number, a string or a date")),
    }
}

fn options(operators: &Map<String, Value>) -> Result<&str, &'static str> {
    operators.get("$options").map_or(Ok(""), |options| options.as_str().ok_or("`$options` takes a string"))
}
