//! Which modules' machine code is in memory: those that were called last, within bounds.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::{CodeName, LoadVariables, ModuleHash};
use crate::sandbox::LoadedModule;

/// How long a module that could not be loaded is not tried again: compiling it may be what fails, which costs seconds.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(10);

/// A stored module. All versions with the same bytes share it, and with the same variables where it is a bundle; its machine
/// code is there while it is used.
pub(crate) struct StoredModule {
    pub(super) name: CodeName,
    /// Those with which the files of a bundle are loaded, should that have to be done again.
    pub(super) variables: LoadVariables,
    opened: Instant,
    code: ArcSwapOption<LoadedModule>,
    /// Milliseconds after `opened`.
    last_call: AtomicU64,
    /// Held while the code is loaded; why that failed last.
    pub(super) loading: tokio::sync::Mutex<Option<LoadFailure>>,
}

/// Why there is no machine code.
pub(super) struct LoadFailure {
    at: Instant,
    text: String,
}

impl LoadFailure {
    pub(super) fn now(text: String) -> Self {
        Self { at: Instant::now(), text }
    }

    /// The text while it is too soon to try again.
    pub(super) fn recent(&self) -> Option<&str> {
        (self.at.elapsed() < FAILURE_REMEMBERED).then_some(self.text.as_str())
    }
}

impl std::fmt::Debug for StoredModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredModule").field(&self.name).finish()
    }
}

impl StoredModule {
    pub(crate) fn module_hash(&self) -> &ModuleHash {
        &self.name.module
    }

    /// The machine code for a call that arrived at `now`, if it is in memory.
    pub(crate) fn code(&self, now: Instant) -> Option<Arc<LoadedModule>> {
        self.touch(now);
        self.code.load_full()
    }

    fn touch(&self, now: Instant) {
        let since = now.saturating_duration_since(self.opened).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        // A write takes the memory around it from all other processors.
        if self.last_call.load(Ordering::Relaxed) != since {
            self.last_call.store(since, Ordering::Relaxed);
        }
    }
}

/// The modules that are named by versions, and those of them that are in memory.
pub(super) struct ResidentModules {
    opened: Instant,
    max_modules: usize,
    max_bytes: u64,
    named: Mutex<Named>,
    /// No more than `max_modules`, but for the moment in which one is added.
    in_memory: Mutex<Vec<Weak<StoredModule>>>,
}

#[derive(Default)]
struct Named {
    modules: HashMap<CodeName, Weak<StoredModule>>,
    /// Unused entries are removed when there are this many.
    sweep_at: usize,
}

impl ResidentModules {
    /// Keeps at most `max_modules` with at most `max_bytes` of machine code, and always the one that was added last.
    pub(super) fn new(max_modules: u32, max_bytes: u64) -> Self {
        Self {
            opened: Instant::now(),
            max_modules: max_modules as usize,
            max_bytes,
            named: Mutex::default(),
            in_memory: Mutex::default(),
        }
    }

    /// The one entry of a module.
    pub(super) fn named(&self, name: &CodeName, variables: &LoadVariables) -> Arc<StoredModule> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = named.modules.get(name).and_then(Weak::upgrade) {
            return known;
        }
        if named.modules.len() >= named.sweep_at {
            named.modules.retain(|_, module| module.strong_count() > 0);
            named.sweep_at = (2 * named.modules.len()).max(64);
        }
        let module = Arc::new(StoredModule {
            name: name.clone(),
            variables: variables.clone(),
            opened: self.opened,
            code: ArcSwapOption::empty(),
            last_call: AtomicU64::new(0),
            loading: tokio::sync::Mutex::default(),
        });
        named.modules.insert(name.clone(), Arc::downgrade(&module));
        module
    }

    /// The entries that something holds: a live version, or a call of one that was live.
    pub(super) fn names(&self) -> Vec<CodeName> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.modules.iter().filter(|(_, module)| module.strong_count() > 0).map(|(name, _)| name.clone()).collect()
    }

    /// Gives a module its machine code; those that were called longest ago lose theirs to it. Calls in flight keep what they
    /// run. Unmapping blocks a little.
    pub(super) fn add(&self, stored: &Arc<StoredModule>, code: Arc<LoadedModule>) {
        let mut removed = Vec::new();
        let mut in_memory = self.in_memory.lock().unwrap_or_else(PoisonError::into_inner);
        stored.touch(Instant::now());
        stored.code.store(Some(code));
        in_memory.retain(|module| module.strong_count() > 0 && !std::ptr::eq(module.as_ptr(), Arc::as_ptr(stored)));
        let bytes_of = |module: &StoredModule| module.code.load().as_ref().map_or(0, |code| code.code_bytes());
        let mut others: Vec<Arc<StoredModule>> = in_memory.iter().filter_map(Weak::upgrade).collect();
        let mut bytes = others.iter().map(|module| bytes_of(module)).sum::<u64>() + bytes_of(stored);
        let over = |others: usize, bytes| others >= self.max_modules || bytes > self.max_bytes;
        if over(others.len(), bytes) {
            // Newest first, so that the oldest are taken from the end.
            others.sort_by_key(|module| Reverse(module.last_call.load(Ordering::Relaxed)));
            while over(others.len(), bytes)
                && let Some(oldest) = others.pop()
            {
                bytes = bytes.saturating_sub(bytes_of(&oldest));
                removed.push(oldest.code.swap(None));
            }
        }
        *in_memory = others.iter().map(Arc::downgrade).collect();
        in_memory.push(Arc::downgrade(stored));
        drop(in_memory);
        tracing::debug!(module = %stored.name, unloaded = removed.len(), "loaded a module");
    }

    /// Modules in memory.
    pub(super) fn count(&self) -> usize {
        self.in_memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|one| one.strong_count() > 0)
            .count()
    }
}
