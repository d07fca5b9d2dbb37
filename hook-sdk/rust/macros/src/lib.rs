//! The attributes of hook-sdk.

mod function;
mod hook;
mod import;
mod signature;

use proc_macro::TokenStream;

/// Makes a function a hook. The type of its params says which:
///
/// ```ignore
/// #[hook]
/// fn conversation_start(conversation: ConversationStartParams) -> Result<ConversationStartReply> { … }
/// ```
///
/// A second argument, `&Context`, describes the caller. A blocking hook returns `Result<…Reply>`, a notification hook
/// `Result<()>`; any error will do. The function stays an ordinary function, for tests.
///
/// On a `use` it takes a hook of another crate into this module:
///
/// ```ignore
/// #[hook]
/// pub use word_filter::message_received;
/// ```
#[proc_macro_attribute]
pub fn hook(arguments: TokenStream, item: TokenStream) -> TokenStream {
    hook::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function a cloud function, which clients call by its name:
///
/// ```ignore
/// #[function]
/// fn add(numbers: Vec<f64>) -> Result<f64> { … }
/// ```
///
/// The argument is anything that serde deserializes; there may be none. A second argument, `&Context`, describes the
/// caller. `#[function(name = "addUp")]` gives it another name, `#[function(internal)]` keeps it for callers with the
/// master key or the hook key.
#[proc_macro_attribute]
pub fn function(arguments: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
