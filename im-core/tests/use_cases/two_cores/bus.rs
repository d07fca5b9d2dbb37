//! A bus that drops a tenth of what it carries, doubles another tenth, and reorders the rest.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use hookd_im_core::delivery::{Bus, Notice};
use tokio::sync::watch;

use super::node::Node;

/// The longest way of a notice.
const LONGEST_WAY: u64 = 40;

pub struct LossyBus {
    nodes: Mutex<Vec<Weak<Node>>>,
    random: Mutex<u64>,
    counts: Mutex<Counts>,
    in_flight: watch::Sender<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub carried: usize,
    pub dropped: usize,
}

impl LossyBus {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            nodes: Mutex::default(),
            random: Mutex::new(seed),
            counts: Mutex::default(),
            in_flight: watch::Sender::new(0),
        })
    }

    pub fn connect(&self, node: &Arc<Node>) {
        self.nodes.lock().unwrap().push(Arc::downgrade(node));
    }

    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    /// Waits for a moment in which nothing is on its way.
    pub async fn is_empty(&self) {
        self.in_flight.subscribe().wait_for(|in_flight| *in_flight == 0).await.unwrap();
    }

    /// `SplitMix64`.
    fn random(&self, below: u64) -> u64 {
        let mut state = self.random.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn carry(self: &Arc<Self>, text: &Arc<str>, to: &Weak<Node>) {
        let copies = match self.random(10) {
            0 => {
                self.counts.lock().unwrap().dropped += 1;
                return;
            }
            1 => 2,
            _ => 1,
        };
        self.counts.lock().unwrap().carried += 1;
        for _ in 0..copies {
            let (bus, text, to) = (self.clone(), text.clone(), to.clone());
            let way = Duration::from_millis(self.random(LONGEST_WAY));
            self.in_flight.send_modify(|in_flight| *in_flight += 1);
            tokio::spawn(async move {
                tokio::time::sleep(way).await;
                if let Some(node) = to.upgrade() {
                    node.receive(serde_json::from_str(&text).unwrap()).await;
                }
                bus.in_flight.send_modify(|in_flight| *in_flight -= 1);
            });
        }
    }
}

/// The end of the bus at one node.
pub struct Line {
    pub bus: Arc<LossyBus>,
    /// The place of the node on the bus.
    pub node: usize,
}

impl Bus for Line {
    fn publish(&self, notice: &Notice) {
        let text: Arc<str> = serde_json::to_string(notice).unwrap().into();
        let nodes = self.bus.nodes.lock().unwrap().clone();
        nodes
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != self.node)
            .for_each(|(_, node)| self.bus.carry(&text, node));
    }
}
