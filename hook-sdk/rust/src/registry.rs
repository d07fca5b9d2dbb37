//! The functions of a module: how they get here, and how they are called.

use hook_types::{Hook, NoReply, Params, Reply};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, Failure, Result};

/// An entry of the module, submitted by `#[hook]` or `#[function]`.
pub struct Function {
    /// The name that it is called by.
    pub name: &'static str,
    /// Only callers with the master key or the hook key may call it.
    pub internal: bool,
    /// JSON in, JSON out.
    pub run: fn(&str, &Context) -> Result<String>,
}

inventory::collect!(Function);

/// A reference to a hook of another crate.
pub struct Link(pub *const ());

// SAFETY: the pointer is never dereferenced.
unsafe impl Sync for Link {}

/// Name of every function of this module, and whether it is internal.
pub fn functions() -> Vec<(&'static str, bool)> {
    let mut functions: Vec<_> =
        inventory::iter::<Function>.into_iter().map(|function| (function.name, function.internal)).collect();
    functions.sort_unstable();
    functions
}

/// Calls a function as the engine does, with params and reply as JSON texts. For tests.
///
/// # Errors
///
/// The function's own failure; code 1 when there is no such function or the params do not fit it.
pub fn call(name: &str, params: &str, context: &Context) -> Result<String> {
    match inventory::iter::<Function>.into_iter().find(|function| function.name == name) {
        Some(function) => (function.run)(params, context),
        None => Err(Failure::new(1, format!("No such cloud function '{name}'")).with_status(404)),
    }
}

/// What a hook may return as its reply: the reply's own type, or `()` where the reply is ignored.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the reply of this hook; `{R}` is",
    note = "a blocking hook returns `Result<…Reply>`, a notification hook `Result<()>`"
)]
pub trait IntoReply<R> {
    /// As the reply.
    fn into_reply(self) -> R;
}

impl<R: Reply> IntoReply<R> for R {
    fn into_reply(self) -> R {
        self
    }
}

impl IntoReply<NoReply> for () {
    fn into_reply(self) -> NoReply {
        NoReply
    }
}

/// The body of every `#[hook]`.
pub fn run_hook<P, T, E>(params: &str, hook: impl FnOnce(P) -> Result<T, E>) -> Result<String>
where
    P: Params,
    T: IntoReply<<P::Hook as Hook>::Reply>,
    E: Into<Failure>,
{
    let params = read::<P>(<P::Hook as Hook>::NAME, params)?;
    write(&hook(params).map_err(Into::into)?.into_reply())
}

/// The body of every `#[function]`.
pub fn run_function<P, T, E>(name: &str, params: &str, function: impl FnOnce(P) -> Result<T, E>) -> Result<String>
where
    P: DeserializeOwned,
    T: Serialize,
    E: Into<Failure>,
{
    let params = read::<P>(name, params)?;
    write(&function(params).map_err(Into::into)?)
}

fn read<P: DeserializeOwned>(name: &str, params: &str) -> Result<P> {
    foreign_json::from_str(params).map_err(|error| Failure::new(1, format!("the params do not fit `{name}`: {error}")))
}

fn write(reply: &impl Serialize) -> Result<String> {
    serde_json::to_string(reply).map_err(Failure::from)
}

/// The name as an entry of the section `hookd-functions`, in which `hookd build` finds the functions of a module.
pub const fn name_entry<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let mut entry = [b'\n'; LENGTH];
    let mut rest = name.as_bytes();
    let mut position = 0;
    while let [first, others @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of bounds")]
        {
            entry[position] = *first;
        }
        rest = others;
        position += 1;
    }
    entry
}

/// Refuses, when it is compiled, a `#[function]` that takes the name of a hook.
pub const fn not_reserved(name: &str) {
    let mut hooks: &[(&str, hook_types::HookKind)] = &hook_types::hook::IM_HOOKS;
    while let [(hook, _), others @ ..] = hooks {
        assert!(!is_same(hook, name), "the name belongs to a hook: use `#[hook]`");
        hooks = others;
    }
}

const fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([a, one_rest @ ..], [b, other_rest @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}
