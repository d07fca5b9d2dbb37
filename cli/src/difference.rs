//! Two texts, line by line.

/// The lines of both texts: those of the first only begin with `-`, those of the second only with `+`, the others with a blank.
pub fn difference(first: &str, second: &str) -> Vec<String> {
    let changes = similar::TextDiff::from_lines(first, second);
    changes.iter_all_changes().map(|change| format!("{} {}", change.tag(), change.value().trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_side_only_are_marked() {
        assert_eq!(difference("a\nb\nc\n", "a\nd\nc"), ["  a", "- b", "- c", "+ d", "+ c"]);
        assert_eq!(difference("a\nb\n", "a\nc\n"), ["  a", "- b", "+ c"]);
    }
}
