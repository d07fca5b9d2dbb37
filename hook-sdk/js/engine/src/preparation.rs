//! Whether the app is still being loaded for the snapshot.

use std::cell::Cell;

thread_local! {
    static PREPARING: Cell<bool> = const { Cell::new(true) };
}

/// True before the snapshot: then no import may be called.
pub(crate) fn is_preparing() -> bool {
    PREPARING.get()
}

/// From here on the instance is one that serves calls.
pub(crate) fn end() {
    PREPARING.set(false);
}
