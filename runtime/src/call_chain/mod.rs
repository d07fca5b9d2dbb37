//! Which calls are behind a call: functions call functions of their own engine over HTTP, and those call others.
//!
//! The caller of such a call has a place, and keeps it until it has the answer. A call that queued for a place behind its own
//! caller would wait for ever. So the engine signs the chain of calls in a request that it sends to itself. A request
//! with a valid signature takes no second place of an app. Only the engine can sign: guests cannot set the header,
//! other hosts never get it, and the key never leaves the process.

mod own_addresses;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use self::own_addresses::OwnAddress;
use crate::logs::CallLog;

/// Calls in one chain, the first one included.
pub(crate) const MAX_CALLS: usize = 8;

/// Addresses that are remembered as the engine's own; each was named by the operator, or is one of an IM core with the admin key.
const MAX_OWN_ADDRESSES: usize = 1_024;

static HEADER: HeaderName = HeaderName::from_static("x-hookd-call-chain");

/// The calls behind a call, the first one first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallChain {
    #[serde(rename = "c")]
    calls: Vec<PastCall>,
    /// When the last of them ends, in milliseconds after the start of the process. What comes after it is of no use to it.
    #[serde(rename = "u")]
    until_ms: u64,
}

/// A call that waits for the one after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PastCall {
    #[serde(rename = "a")]
    app_id: String,
    #[serde(rename = "f")]
    function: String,
}

impl CallChain {
    /// How many calls are behind.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// True when one of them is the app's, and so has a place of it.
    pub(crate) fn has_call_of(&self, app_id: &str) -> bool {
        self.calls.iter().any(|call| call.app_id == app_id)
    }

    /// True when one of them is a call of this function.
    pub(crate) fn has_call_to(&self, app_id: &str, function: &str) -> bool {
        self.calls.iter().any(|call| call.app_id == app_id && call.function == function)
    }

    /// The calls, and `last` after them, as the owner of `app_id` may see them.
    pub(crate) fn shown(&self, app_id: &str, last: &str) -> String {
        let name = |call: &PastCall| match call.app_id == app_id {
            true => format!("`{}`", call.function),
            false => "a function of another app".to_owned(),
        };
        let names: Vec<String> = self.calls.iter().map(name).chain([format!("`{last}`")]).collect();
        names.join(" -> ")
    }
}

/// Signs chains and reads them; knows which requests lead back to the engine.
#[derive(Debug)]
pub(crate) struct CallChains {
    key: [u8; 32],
    /// What times in chains are counted from: other processes have other keys.
    started: Instant,
    own: RwLock<Vec<OwnAddress>>,
}

impl Default for CallChains {
    fn default() -> Self {
        Self { key: rand::random(), started: Instant::now(), own: RwLock::default() }
    }
}

impl CallChains {
    /// Requests to this URL come back to the engine. A text that is not a URL with a host is ignored.
    pub(crate) fn add_own_url(&self, url: &str) {
        let Some(address) = OwnAddress::of_url(url) else { return };
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.len() < MAX_OWN_ADDRESSES && !own.contains(&address) {
            own.push(address);
        }
    }

    /// What a request says of the calls behind it, and until when the last of them waits. `None` when it says nothing that this
    /// process signed, or when no caller waits any more.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<(Arc<CallChain>, Instant)> {
        let (payload, signature) = headers.get(&HEADER)?.to_str().ok()?.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(payload).verify_slice(&signature).ok()?;
        let chain: CallChain = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let until = self.started.checked_add(Duration::from_millis(chain.until_ms))?;
        (until > Instant::now()).then(|| (Arc::new(chain), until))
    }

    fn sign(&self, chain: &CallChain) -> Option<HeaderValue> {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(chain).ok()?);
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&payload).finalize().into_bytes());
        let mut value = HeaderValue::from_str(&format!("{payload}.{signature}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn mac(&self, payload: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(payload.as_bytes());
        mac
    }

    fn is_own<B>(&self, request: &Request<B>) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        !own.is_empty()
            && OwnAddress::of_uri(request.uri()).is_some_and(|asked| own.iter().any(|own| own.includes(&asked)))
    }
}

/// A call as its requests describe it.
#[derive(Clone, Debug)]
pub(crate) struct ChainEnd {
    pub(crate) chains: Arc<CallChains>,
    /// What is behind the call itself.
    pub(crate) behind: Option<Arc<CallChain>>,
    /// Names the app and the function.
    pub(crate) log: Arc<CallLog>,
    pub(crate) deadline: tokio::time::Instant,
}

impl ChainEnd {
    /// Removes what the guest wrote about the calls behind a request. A request back to the engine gets the true list.
    /// Answers how many calls wait for such a request, and `None` for one that leads elsewhere.
    pub(crate) fn tell<B>(&self, request: &mut Request<B>) -> Option<usize> {
        strip(request.headers_mut());
        if !self.chains.is_own(request) {
            return None;
        }
        let mut calls = self.behind.as_ref().map(|chain| chain.calls.clone()).unwrap_or_default();
        calls.push(PastCall { app_id: self.log.app_id().to_owned(), function: self.log.function().to_owned() });
        let waiting = calls.len();
        let until = self.deadline.into_std().saturating_duration_since(self.chains.started);
        let chain = CallChain { calls, until_ms: u64::try_from(until.as_millis()).unwrap_or(u64::MAX) };
        let signed = self.chains.sign(&chain)?;
        request.headers_mut().insert(HEADER.clone(), signed);
        Some(waiting)
    }
}

/// Takes out of a guest's headers what only the engine says, and of an answer what no guest may see.
pub(crate) fn strip(headers: &mut HeaderMap) {
    headers.remove(&HEADER);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::AppLog;
    use api_types::Limits;

    fn end(chains: &Arc<CallChains>, behind: Option<Arc<CallChain>>, app: &str, function: &str) -> ChainEnd {
        let log = CallLog::new(Arc::<AppLog>::default(), app, 1, function, "r".to_owned(), &Limits::default());
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        ChainEnd { chains: chains.clone(), behind, log: Arc::new(log), deadline }
    }

    fn request(url: &str) -> Request<()> {
        Request::builder().uri(url).header(HEADER.clone(), "forged.forged").body(()).unwrap()
    }

    fn chains() -> Arc<CallChains> {
        let chains = CallChains::default();
        chains.add_own_url("http://127.0.0.1:7410");
        Arc::new(chains)
    }

    #[tokio::test]
    async fn calls_behind_a_request_are_shown_to_the_engine_itself_only() {
        let chains = chains();
        let mut elsewhere = request("http://example.org/");
        assert_eq!(end(&chains, None, "demo", "a").tell(&mut elsewhere), None);
        assert!(!elsewhere.headers().contains_key(&HEADER), "what the guest said is gone");

        let mut here = request("http://127.0.0.1:7410/1.1/functions/b");
        assert_eq!(end(&chains, None, "demo", "a").tell(&mut here), Some(1));
        let (chain, _) = chains.read(here.headers()).unwrap();
        let mut further = request("http://127.0.0.1:7410/1.1/functions/c");
        assert_eq!(end(&chains, Some(chain), "other", "b").tell(&mut further), Some(2));
        let (chain, _) = chains.read(further.headers()).unwrap();
        assert_eq!(chain.len(), 2);
        assert!(chain.has_call_of("demo") && chain.has_call_to("other", "b") && !chain.has_call_to("other", "a"));
        assert_eq!(chain.shown("demo", "c"), "`a` -> a function of another app -> `c`");
    }

    #[tokio::test]
    async fn only_what_this_process_signed_counts_and_only_while_the_caller_waits() {
        let chains = chains();
        let mut signed = request("http://127.0.0.1:7410/");
        end(&chains, None, "demo", "a").tell(&mut signed);
        let value = signed.headers()[&HEADER].to_str().unwrap().to_owned();
        assert!(chains.read(signed.headers()).is_some());
        assert!(self::chains().read(signed.headers()).is_none(), "another process");
        let mut forged = chains.sign(&CallChain { calls: Vec::new(), until_ms: u64::MAX / 2 }).unwrap();
        forged.set_sensitive(false);
        let (payload, _) = forged.to_str().unwrap().split_once('.').unwrap();
        let (_, signature) = value.split_once('.').unwrap();
        for wrong in [format!("{payload}.{signature}"), format!("{value}A"), value.replacen('.', "", 1), String::new()]
        {
            let headers = HeaderMap::from_iter([(HEADER.clone(), wrong.parse().unwrap())]);
            assert!(chains.read(&headers).is_none(), "{wrong}");
        }
        let over = ChainEnd { deadline: tokio::time::Instant::now(), ..end(&chains, None, "demo", "a") };
        let mut late = request("http://127.0.0.1:7410/");
        over.tell(&mut late);
        // Its time is over with the next millisecond.
        while chains.read(late.headers()).is_some() {
            tokio::task::yield_now().await;
        }
    }
}
