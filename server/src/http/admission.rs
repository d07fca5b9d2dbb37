//! RequestPermits for connections: how many there are, and which one is closed first when none is left.
//!
//! Every connection begins as a stranger's. It is a known one once a request on it has shown right keys, or a client has logged
//! in on it. Strangers have places of their own. When those are used up, the address with the most of them loses the oldest: a
//! newcomer always gets in, and no address takes the places of another address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookd_runtime::{FairBudget, Share};
use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// Connections of strangers, where there are descriptors for so many. A client is one from its connection to its login: this
/// many come back at the same time after a restart.
const STRANGERS: usize = 4_096;

/// Descriptors for everything but connections: databases, logs, modules, Redis, requests of functions, requests that are passed
/// on. Half of all where there are few.
const OTHER_DESCRIPTORS: usize = 4_096;

/// Requests of strangers that are not answered yet, in bytes of their heads.
const STRANGERS_HEADS_BYTES: usize = 32 << 20;

/// Where a stranger comes from: an address, or the network that one IPv6 subscriber has. None from a Unix socket.
type Source = Option<IpAddr>;

/// All places of a process.
#[derive(Clone)]
pub struct Admission {
    strangers: FairBudget<Source>,
    heads: FairBudget<Source>,
    known: Arc<Semaphore>,
}

/// The place of one connection; given back with its last clone.
#[derive(Clone)]
pub struct Place(Arc<Seat>);

struct Seat {
    admission: Admission,
    source: Source,
    is_known: AtomicBool,
    holds: Mutex<Holds>,
}

enum Holds {
    Stranger(Share<Source>),
    Known { _place: OwnedSemaphorePermit },
}

impl Admission {
    /// As many places as the process may have descriptors for.
    pub fn by_descriptors() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::new(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    fn new(descriptors: usize) -> Self {
        let places = descriptors - OTHER_DESCRIPTORS.min(descriptors / 2);
        let strangers = STRANGERS.min(places / 2);
        Self {
            strangers: FairBudget::new(strangers),
            heads: FairBudget::new(STRANGERS_HEADS_BYTES),
            known: Arc::new(Semaphore::new((places - strangers).min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A stranger's place for a new connection; another connection may lose its place for it.
    pub fn admit(&self, peer: Option<SocketAddr>) -> Place {
        let source = peer.map(|peer| source_of(peer.ip()));
        let holds = Mutex::new(Holds::Stranger(self.strangers.take(source, 1)));
        Place(Arc::new(Seat { admission: self.clone(), source, is_known: AtomicBool::new(false), holds }))
    }

    /// Makes room where descriptors are used up; false when no stranger is left.
    pub fn turn_one_away(&self) -> bool {
        self.strangers.take_one_back()
    }

    /// Strangers that lost their places so far.
    pub fn turned_away(&self) -> u64 {
        self.strangers.lost_shares()
    }
}

impl Place {
    /// Makes the connection a known one. It stays a stranger's while all places of known ones are taken.
    pub fn is_known_now(&self) {
        if !self.0.is_known.load(Ordering::Relaxed)
            && let Ok(permit) = self.0.admission.known.clone().try_acquire_owned()
        {
            let mut holds = self.0.holds();
            if matches!(&*holds, Holds::Stranger(share) if !share.is_lost()) {
                *holds = Holds::Known { _place: permit };
                self.0.is_known.store(true, Ordering::Relaxed);
            }
        }
    }

    pub fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }

    /// For a request of a stranger, what its head holds; lost when strangers send too much.
    pub fn begin_request(&self, head_bytes: usize) -> Option<Share<Source>> {
        (!self.is_known()).then(|| self.0.admission.heads.take(self.0.source, head_bytes))
    }

    /// Ends when the place of a stranger is lost; `None` for a known one.
    pub fn lost(&self) -> Option<WaitForCancellationFutureOwned> {
        match &*self.0.holds() {
            Holds::Stranger(share) => Some(share.lost_owned()),
            Holds::Known { .. } => None,
        }
    }
}

impl Seat {
    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One IPv6 subscriber has a whole /64.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn peer(address: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(address.parse().unwrap(), 1))
    }

    fn is_lost(place: &Place) -> bool {
        place.lost().is_some_and(|lost| lost.now_or_never().is_some())
    }

    #[test]
    fn a_newcomer_takes_the_oldest_place_of_the_address_with_the_most() {
        // Two places for strangers, two for known ones.
        let admission = Admission::new(8);
        let [first, second] = ["1.1.1.1", "::ffff:1.1.1.1"].map(|address| admission.admit(peer(address)));
        let other = admission.admit(peer("2.2.2.2"));
        assert_eq!([&first, &second, &other].map(is_lost), [true, false, false]);
        assert_eq!(admission.turned_away(), 1);
    }

    #[test]
    fn known_ones_keep_their_places_and_are_no_more_than_there_are_places_for_them() {
        let admission = Admission::new(8);
        let places = [(); 3].map(|()| admission.admit(peer("1.1.1.1")));
        assert!(is_lost(&places[0]), "only two are strangers at the same time");
        places.iter().for_each(Place::is_known_now);
        assert_eq!(places.each_ref().map(Place::is_known), [false, true, true]);
        let third = admission.admit(peer("1.1.1.1"));
        third.is_known_now();
        assert!(!third.is_known(), "all places of known ones are taken");
        drop(places);
        third.is_known_now();
        assert!(third.is_known());
    }

    #[test]
    fn a_network_of_one_subscriber_counts_as_one_address() {
        assert_eq!(source_of("2001:db8:1:2:3::4".parse().unwrap()), source_of("2001:db8:1:2:ffff::".parse().unwrap()));
        assert_ne!(source_of("2001:db8:1:2::".parse().unwrap()), source_of("2001:db8:1:3::".parse().unwrap()));
    }
}
