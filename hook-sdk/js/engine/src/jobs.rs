//! Jobs of QuickJS: what goes on after a promise is settled, and microtasks.

use rquickjs::{Ctx, qjs};

use crate::rejections;

/// Runs all jobs. What one throws is reported.
pub(crate) fn run(ctx: &Ctx<'_>) {
    // SAFETY: the runtime is that of a living context.
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    loop {
        let mut of_job = std::ptr::null_mut();
        // SAFETY: as above; the job's context is this one, there is no other.
        match unsafe { qjs::JS_ExecutePendingJob(runtime, &raw mut of_job) } {
            0 => return,
            1.. => {}
            _ => rejections::uncaught(ctx, &ctx.catch(), "uncaughtException"),
        }
    }
}
