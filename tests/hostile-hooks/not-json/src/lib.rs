//! `_messageReceived` that answers with a text that is not JSON.

use hook_sdk::{__private::Function, Context, Result};

fn run(_params: &str, _context: &Context) -> Result<String> {
    Ok("{\"content\": \"never ended".to_owned())
}

// Past `#[hook]`, whose replies are always JSON.
hook_sdk::__private::submit! {
    Function { name: "_messageReceived", internal: false, run }
}
