//! A gateway of pushes that fails as often as a test sets, and keeps what it took.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use hookd_im_core::push::{PushFailure, PushGateway, SignedPush};

#[derive(Default)]
pub struct ScriptedGateway {
    /// So many times it fails before it takes one.
    pub fails: AtomicU32,
    taken: Mutex<Vec<SignedPush>>,
}

impl ScriptedGateway {
    /// What it took since the last look.
    pub fn take(&self) -> Vec<SignedPush> {
        std::mem::take(&mut self.taken.lock().unwrap())
    }
}

#[async_trait]
impl PushGateway for ScriptedGateway {
    async fn send(&self, push: SignedPush) -> Result<(), PushFailure> {
        if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(PushFailure("as scripted".to_owned()));
        }
        self.taken.lock().unwrap().push(push);
        Ok(())
    }
}
