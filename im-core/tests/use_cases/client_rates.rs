//! S-27, S-28: how much a client may ask for in a minute, with a clock that the test moves.

use std::time::Duration;

use api_types::Profile;
use governor::clock::FakeRelativeClock;
use hookd_im_core::app::ImSettings;
use hookd_im_core::client_rates::{ClientRates, Operation};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::profiles::initial_settings;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::world::refusal;

const JOIN: Operation = Operation::Other { command: "conv", op: "add" };
const LEAVE: Operation = Operation::Other { command: "conv", op: "remove" };

struct Office {
    rates: ClientRates<FakeRelativeClock>,
    clock: FakeRelativeClock,
    settings: ImSettings,
    app: AppId,
}

impl Office {
    fn with(settings: ImSettings) -> Self {
        let clock = FakeRelativeClock::default();
        Self { rates: ClientRates::with_clock(clock.clone()), clock, settings, app: AppId::new("demo") }
    }

    fn take(&self, client: &str, operation: Operation) -> Result<(), RequestError> {
        self.take_of(&self.app, client, operation)
    }

    fn take_of(&self, app: &AppId, client: &str, operation: Operation) -> Result<(), RequestError> {
        self.rates.take(&self.settings, (app, &ClientId::new(client)), operation)
    }

    /// How often a client may do it now.
    fn left(&self, client: &str, operation: Operation) -> usize {
        (0..1000).take_while(|_| self.take(client, operation).is_ok()).count()
    }
}

#[test]
fn an_app_of_leancloud_s_profile_has_the_limits_of_s_27() {
    let office = Office::with(initial_settings(Some(Profile::Leancloud)));
    assert_eq!(office.left("tom", Operation::Send), 60);
    assert_eq!(office.left("tom", Operation::QueryHistory), 120);
    assert_eq!([office.left("tom", JOIN), office.left("tom", LEAVE)], [30, 30], "each type counts for itself");
    assert_eq!(office.left("tom", Operation::LOG_IN), 30);
    assert_eq!(office.left("jerry", Operation::Send), 60, "each client counts for itself");
    assert!(office.take_of(&AppId::new("other"), "tom", Operation::Send).is_ok(), "so does each app");
}

#[test]
fn an_allowance_comes_back_evenly_over_a_minute() {
    let office = Office::with(ImSettings { client_sends_per_minute: 60, ..ImSettings::default() });
    assert_eq!(office.left("tom", Operation::Send), 60);
    let (code, _, detail) = refusal(office.take("tom", Operation::Send));
    assert_eq!(code, Code::MessageSentQuotaExceeded);
    assert_eq!(detail.unwrap(), "`client_sends_per_minute` is 60; the next one is free in 1 s");
    office.clock.advance(Duration::from_secs(1));
    assert_eq!(office.left("tom", Operation::Send), 1);
    office.clock.advance(Duration::from_secs(30));
    office.rates.forget_idle();
    assert_eq!(office.left("tom", Operation::Send), 30, "only those are forgotten that have all of it");
    office.clock.advance(Duration::from_secs(60));
    office.rates.forget_idle();
    assert_eq!(office.left("tom", Operation::Send), 60);
}

#[test]
fn limits_change_at_once_and_0_is_none() {
    let mut office = Office::with(ImSettings { client_sends_per_minute: 2, ..ImSettings::default() });
    assert_eq!(office.left("tom", Operation::Send), 2);
    assert_eq!(office.left("tom", Operation::QueryHistory), 1000, "it has no limit");
    office.settings.client_sends_per_minute = 5;
    assert_eq!(office.left("tom", Operation::Send), 5);
    office.settings.client_sends_per_minute = 0;
    assert_eq!(office.left("tom", Operation::Send), 1000);
}

#[test]
fn apps_that_are_older_than_profiles_and_open_ones_have_no_limit() {
    for profile in [None, Some(Profile::Open)] {
        let office = Office::with(initial_settings(profile));
        for operation in [Operation::Send, Operation::QueryHistory, JOIN] {
            assert_eq!(office.left("tom", operation), 1000);
        }
    }
}

/// A quarter of a million clients of one app: they are not all counted, and nobody else notices.
#[test]
fn an_app_with_more_clients_than_are_counted_begins_anew_and_others_go_on() {
    let office = Office::with(ImSettings { client_sends_per_minute: 1, ..ImSettings::default() });
    let other = AppId::new("other");
    assert!(office.take_of(&other, "jerry", Operation::Send).is_ok());
    let accepted = (0..250_000).filter(|number| office.take(&number.to_string(), Operation::Send).is_ok()).count();
    assert_eq!(accepted, 250_000);
    assert!(office.take("249999", Operation::Send).is_err(), "the newest are counted");
    assert!(office.take("0", Operation::Send).is_ok(), "the oldest are forgotten");
    assert!(office.take_of(&other, "jerry", Operation::Send).is_err(), "another app's are not");
}

#[test]
fn requests_over_a_limit_are_counted_by_limit() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    hookd_im_core::client_rates::metrics::describe();
    let limits = ImSettings { client_sends_per_minute: 1, client_operations_per_minute: 1, ..ImSettings::default() };
    let office = Office::with(limits);
    for operation in [Operation::Send, JOIN, LEAVE] {
        for _ in 0..3 {
            let _ = office.take("tom", operation);
        }
    }
    let page = handle.render();
    for line in [
        r#"hookd_client_rate_exceeded_total{limit="client_sends_per_minute"} 2"#,
        r#"hookd_client_rate_exceeded_total{limit="client_operations_per_minute"} 4"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
}
