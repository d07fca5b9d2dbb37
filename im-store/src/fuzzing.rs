//! Entry points for the fuzzer only, in addition to the public interface.

use hookd_im_core::ids::ClientId;

use crate::query::Filter;

/// Reads the `where` of a query.
pub fn read_filter(text: &str) {
    if let Ok(filter) = foreign_json::from_str(text) {
        // Whether it is a filter is not the question.
        let _ = Filter::parse(&filter, &ClientId::new("a"));
    }
}
