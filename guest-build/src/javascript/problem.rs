//! What is wrong with a project, each with its place in the code.

use std::fmt::{self, Write as _};

/// What is shown at once; more helps nobody.
const MOST_SHOWN: usize = 20;
/// A longer line of code is cut.
const MOST_LINE_CHARS: usize = 160;

/// A place in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the project.
    pub file: String,
    /// Beginning with 1.
    pub line: usize,
    /// In characters, beginning with 1.
    pub column: usize,
    /// The line itself.
    code: String,
}

impl Place {
    /// Of a byte of the text.
    pub(super) fn of(file: &str, text: &str, offset: usize) -> Self {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let before = text.get(..offset).unwrap_or_default();
        let begin = before.rfind('\n').map_or(0, |line_end| line_end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(begin..).unwrap_or_default().chars().count() + 1;
        let code = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default().to_owned();
        Self { file: file.to_owned(), line, column, code }
    }

    /// The line of code, and a mark below the place.
    fn write_code(&self, text: &mut impl fmt::Write) -> fmt::Result {
        if self.code.trim().is_empty() || self.column > MOST_LINE_CHARS {
            return Ok(());
        }
        let code: String = self.code.chars().take(MOST_LINE_CHARS).collect();
        // Tabs stay, so that the mark stands below its place whatever their width is.
        let space: String =
            code.chars().take(self.column - 1).map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
        let number = self.line.to_string();
        write!(text, "\n  {number} | {code}\n  {:width$} | {space}^", "", width = number.len())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Something that the developer mends, or should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` for what no line is to blame for.
    pub place: Option<Place>,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Problem {
    pub(super) fn at(place: Place, text: impl Into<String>) -> Self {
        Self { place: Some(place), text: text.into(), fix: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.text)?;
        if let Some(place) = &self.place {
            place.write_code(formatter)?;
        }
        self.fix.as_ref().map_or(Ok(()), |fix| write!(formatter, "\n  fix: {fix}"))
    }
}

/// All of them, for people.
pub(super) fn list(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(MOST_SHOWN) {
        let _ = write!(text, "\n{problem}");
    }
    if let Some(more) = problems.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, "\nand {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_shows_its_line_with_a_mark_below() {
        let text = "let a;\n\tlet b = 'ö' + ;\n";
        let place = Place::of("cloud.js", text, text.find(';').unwrap() + 2 + "\tlet b = 'ö' + ".len());
        let problem = Problem { fix: Some("write one".to_owned()), ..Problem::at(place, "expected a value") };
        let shown =
            "cloud.js:2:16: expected a value\n  2 | \tlet b = 'ö' + ;\n    | \t              ^\n  fix: write one";
        assert_eq!(problem.to_string(), shown);
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        assert_eq!(Place::of("a.js", "x\ny", 99).to_string(), "a.js:2:2");
        assert_eq!(Place::of("a.js", "", 0).to_string(), "a.js:1:1");
    }

    #[test]
    fn a_long_list_is_cut_with_a_word() {
        let problem = Problem { place: None, text: "p".to_owned(), fix: None };
        assert!(list(&vec![problem.clone(); 23]).ends_with("\np\nand 3 more"));
        assert_eq!(list(&[problem]), "\np");
    }
}
