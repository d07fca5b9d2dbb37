//! Variables: those of the deployment before the snapshot, those of the version in an instance.

use std::cell::RefCell;

use rquickjs::{Ctx, Object, Persistent};

use crate::bindings::wasi::cli::environment;
use crate::preparation;

thread_local! {
    static GIVEN: RefCell<Option<Persistent<Object<'static>>>> = const { RefCell::new(None) };
}

/// For the time before the snapshot.
pub(crate) fn set_given<'js>(ctx: &Ctx<'js>, variables: Object<'js>) {
    GIVEN.set(Some(Persistent::save(ctx, variables)));
}

/// A new object of them.
pub(crate) fn object<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    if preparation::is_preparing() {
        let given = GIVEN.with_borrow(Clone::clone);
        if let Some(given) = given {
            for variable in given.restore(ctx)?.props::<String, String>() {
                let (name, value) = variable?;
                object.set(name, value)?;
            }
        }
    } else {
        for (name, value) in environment::get_environment() {
            object.set(name, value)?;
        }
    }
    Ok(object)
}
