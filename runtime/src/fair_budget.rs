//! A bounded amount of something, such as memory, that many hold shares of.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture, WaitForCancellationFutureOwned};

/// Is never used beyond its size: when it would be, the holder who has the most of it loses its oldest share. So a holder who
/// takes too much harms itself only, and a share that is given back soon is never lost.
#[derive(Debug)]
pub struct FairBudget<K>(Arc<Inner<K>>);

/// The share of a holder in a budget; given back when it is dropped.
#[derive(Debug)]
pub struct Share<K: Clone + Eq + Hash> {
    budget: Arc<Inner<K>>,
    holder: K,
    number: u64,
    lost: CancellationToken,
}

/// The share was taken back for others.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the share was taken back for others")]
pub struct Lost;

#[derive(Debug)]
struct Inner<K> {
    size: usize,
    books: Mutex<Books<K>>,
}

#[derive(Debug)]
struct Books<K> {
    used: usize,
    lost_shares: u64,
    next_number: u64,
    holders: HashMap<K, Holder>,
}

#[derive(Debug, Default)]
struct Holder {
    used: usize,
    /// By their numbers, which grow.
    shares: BTreeMap<u64, Part>,
}

#[derive(Debug)]
struct Part {
    used: usize,
    lost: CancellationToken,
}

impl<K> Clone for FairBudget<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Clone + Eq + Hash> FairBudget<K> {
    /// `size`: what may be used at the same time.
    pub fn new(size: usize) -> Self {
        let books = Books { used: 0, lost_shares: 0, next_number: 0, holders: HashMap::new() };
        Self(Arc::new(Inner { size, books: Mutex::new(books) }))
    }

    /// A new share of `amount` for `holder`; another holder may lose one for it.
    pub fn take(&self, holder: K, amount: usize) -> Share<K> {
        let lost = CancellationToken::new();
        let mut books = self.0.books();
        let number = books.next_number;
        books.next_number += 1;
        books.holders.entry(holder.clone()).or_default().shares.insert(number, Part { used: 0, lost: lost.clone() });
        books.add(&holder, number, amount);
        books.keep_within(self.0.size);
        drop(books);
        Share { budget: self.0.clone(), holder, number, lost }
    }

    /// The used amount.
    pub fn used(&self) -> usize {
        self.0.books().used
    }

    /// Shares that were taken back so far.
    pub fn lost_shares(&self) -> u64 {
        self.0.books().lost_shares
    }

    /// Takes the oldest share back from the holder that has the most; false when there is none.
    pub fn take_one_back(&self) -> bool {
        self.0.books().take_one_back()
    }
}

impl<K: Clone + Eq + Hash> Share<K> {
    /// Takes `amount` more.
    ///
    /// # Errors
    /// The share is lost, maybe just now because its holder has the most.
    pub fn grow(&self, amount: usize) -> Result<(), Lost> {
        let mut books = self.budget.books();
        books.add(&self.holder, self.number, amount);
        books.keep_within(self.budget.size);
        drop(books);
        if self.is_lost() { Err(Lost) } else { Ok(()) }
    }

    /// True when it was taken back for others.
    pub fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Waits until it is taken back.
    pub fn lost(&self) -> WaitForCancellationFuture<'_> {
        self.lost.cancelled()
    }

    /// The same, for a task that outlives the share.
    pub fn lost_owned(&self) -> WaitForCancellationFutureOwned {
        self.lost.clone().cancelled_owned()
    }
}

impl<K: Clone + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        self.budget.books().remove(&self.holder, self.number);
    }
}

impl<K> Inner<K> {
    fn books(&self) -> MutexGuard<'_, Books<K>> {
        // Sums and parts are changed together, so a panic leaves them equal.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Books<K> {
    /// Nothing when the share is lost.
    fn add(&mut self, holder: &K, number: u64, amount: usize) {
        let Some(holder) = self.holders.get_mut(holder) else { return };
        let Some(part) = holder.shares.get_mut(&number) else { return };
        part.used += amount;
        holder.used += amount;
        self.used += amount;
    }

    fn remove(&mut self, key: &K, number: u64) -> Option<Part> {
        let holder = self.holders.get_mut(key)?;
        let part = holder.shares.remove(&number)?;
        holder.used -= part.used;
        self.used -= part.used;
        if holder.shares.is_empty() {
            self.holders.remove(key);
        }
        Some(part)
    }

    fn keep_within(&mut self, size: usize) {
        while self.used > size && self.take_one_back() {}
    }

    fn take_one_back(&mut self) -> bool {
        let largest = self.holders.iter().max_by_key(|(_, holder)| holder.used);
        let Some((key, holder)) = largest else { return false };
        // One that has nothing yet would give nothing back.
        let oldest = holder.shares.iter().find(|(_, part)| part.used > 0).map(|(number, _)| *number);
        let (key, Some(number)) = (key.clone(), oldest) else { return false };
        if let Some(part) = self.remove(&key, number) {
            self.lost_shares += 1;
            part.lost.cancel();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_the_most_loses_its_oldest_share() {
        let budget = FairBudget::new(10);
        let modest = budget.take("modest", 3);
        let [first, second] = [budget.take("greedy", 4), budget.take("greedy", 3)];
        assert_eq!(budget.used(), 10);
        let third = budget.take("greedy", 2);
        assert_eq!([&modest, &first, &second, &third].map(Share::is_lost), [false, true, false, false]);
        assert_eq!(budget.used(), 8);
    }

    #[test]
    fn a_share_that_grows_alone_is_lost_itself() {
        let budget = FairBudget::new(10);
        let [greedy, modest] = [budget.take("greedy", 6), budget.take("modest", 4)];
        assert_eq!(greedy.grow(1), Err(Lost));
        assert_eq!((modest.grow(6), budget.used()), (Ok(()), 10));
        assert_eq!(greedy.grow(1), Err(Lost), "and stays so");
        assert_eq!(budget.used(), 10);
    }

    #[test]
    fn a_dropped_share_is_given_back() {
        let budget = FairBudget::new(10);
        drop(budget.take("a", 8));
        let lost = budget.take("a", 11);
        assert!(lost.is_lost());
        drop(lost);
        assert_eq!(budget.used(), 0);
        assert!(!budget.take_one_back());
    }
}
