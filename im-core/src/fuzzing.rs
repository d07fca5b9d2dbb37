//! Entry points for the fuzzer only, in addition to the public interface.

use crate::ids::ClientId;
use crate::store;

/// Reads the `where` of a query.
pub fn read_filter(text: &str) {
    if let Ok(filter) = foreign_json::from_str(text) {
        let _ = store::check_filter(&filter, &ClientId::new("a"));
    }
}
