//! Online status of clients: hooks write it to LeanCache, a function returns it.

use std::time::Duration;

use hook_sdk::leancache;
use hook_sdk::prelude::*;
use serde::Deserialize;

/// Who has not been back for so long is forgotten.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Longest list of clients that one call may ask about.
const MOST_PEERS: usize = 500;

/// A client logged in. Setting the value takes its expiry away.
#[hook]
pub fn client_online(client: ClientOnlineParams) -> Result<()> {
    Ok(leancache::set(&client.peer_id, 1)?)
}

/// A client's session ended.
#[hook]
pub fn client_offline(client: ClientOfflineParams) -> Result<()> {
    Ok(leancache::set_ex(&client.peer_id, 0, REMEMBERED)?)
}

/// Params of `getOnOffStatus`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusParams {
    peer_ids: Vec<String>,
}

/// `"1"`, `"0"` or `null` for each client, in the order asked: online, offline, not seen for seven days.
#[function(name = "getOnOffStatus")]
pub fn get_on_off_status(params: StatusParams) -> Result<Vec<Option<String>>> {
    if params.peer_ids.len() > MOST_PEERS {
        return Err(Failure::new(1, format!("ask about at most {MOST_PEERS} clients at once")));
    }
    Ok(leancache::mget(params.peer_ids)?)
}

/// Params of `forgetClient`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForgetParams {
    peer_id: String,
}

/// Forgets a client. For the app's own servers: internal functions need the master key or the hook key.
#[function(name = "forgetClient", internal)]
pub fn forget_client(params: ForgetParams) -> Result<bool> {
    Ok(leancache::del(params.peer_id)?)
}

#[cfg(test)]
mod tests {
    use hook_sdk::leancache::stand_in;

    use super::*;

    fn online(peer_id: &str) {
        client_online(ClientOnlineParams { peer_id: peer_id.to_owned(), ..Default::default() }).unwrap();
    }

    fn offline(peer_id: &str) {
        client_offline(ClientOfflineParams { peer_id: peer_id.to_owned(), ..Default::default() }).unwrap();
    }

    fn status(peer_ids: &[&str]) -> String {
        let params = serde_json::json!({ "peerIds": peer_ids }).to_string();
        hook_sdk::call("getOnOffStatus", &params, &Context::default()).unwrap()
    }

    #[test]
    fn status_is_answered_in_the_order_asked() {
        online("ann");
        online("bob");
        offline("bob");
        assert_eq!(status(&["ann", "bob", "zed"]), r#"["1","0",null]"#);
        assert_eq!(status(&["zed", "ann"]), r#"[null,"1"]"#);
        assert_eq!(status(&[]), "[]");
    }

    #[test]
    fn offline_clients_are_forgotten_after_a_while_and_online_ones_are_not() {
        online("ann");
        offline("bob");
        offline("ann");
        online("ann");
        stand_in::advance(REMEMBERED + Duration::from_secs(1));
        assert_eq!(status(&["ann", "bob"]), r#"["1",null]"#);
    }

    #[test]
    fn a_client_can_be_forgotten() {
        online("ann");
        assert_eq!(forget_client(ForgetParams { peer_id: "ann".to_owned() }), Ok(true));
        assert_eq!(status(&["ann"]), "[null]");
    }

    #[test]
    fn too_many_clients_are_refused() {
        let params = StatusParams { peer_ids: vec![String::new(); MOST_PEERS + 1] };
        assert_eq!(get_on_off_status(params).unwrap_err().code(), 1);
    }

    #[test]
    fn without_a_cache_the_hook_fails_and_says_so() {
        stand_in::break_down();
        let failure = client_online(ClientOnlineParams::default()).unwrap_err();
        assert!(failure.message().contains("LeanCache"), "{failure}");
    }
}
