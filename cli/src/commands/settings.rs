//! `hookd settings`

use std::time::Duration;

use api_types::HostPattern;
use api_types::control::{
    EngineSettings, EngineSettingsPatch, FailurePolicy, ImSettingsPatch, LimitChanges, LimitSource, SettingsPatch,
};
use clap::{Args, ValueEnum};

use super::feature_settings::FeatureSettings;
use super::limits::{function_limit, parse_limit};
use super::notification_settings::{NotificationSettings, milliseconds};
use super::push_settings::PushSettings;
use super::rate_settings::RateSettings;
use super::retention_settings::RetentionSettings;
use super::word_settings::WordSettings;
use crate::client::{Api, ServerArguments};
use crate::output;
use crate::secrets::SecretParser;

/// Show or change an app's settings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd settings
  hookd settings --on-hook-failure abort --blocking-hook-timeout 2s
  hookd settings --hook-timeout _messageReceived=500ms
  hookd settings --message-edit on --message-recall on
  hookd settings --client-sends-per-minute 120 --client-rate-overflow error
  hookd settings --allowed-origins https://chat.example.org,http://localhost:8080
  hookd settings --word-list words.txt --word-filter-direct on
  hookd settings --message-retention-days 180 --inactive-conversation-days 0
  hookd settings --engine-url http://127.0.0.1:3000
  hookd settings --push-gateway https://push.example.com/hookd --push-content push.json
  hookd settings --limit memory_bytes=64MiB --limit deadline_ms=2s
  hookd settings --function-limit _messageReceived:deadline_ms=500ms
  hookd settings --limit memory_bytes=default                   # not set any more
  hookd settings --max-limit concurrency=200 --limit concurrency=200   # with the admin key
  hookd settings --allow-host api.example.com --allow-host '*.example.org:8443'
  hookd settings --hook-policy _messageReceived=abort           # this hook, whatever the cause
  hookd settings --hook-policy :overloaded=ignore               # this cause, whatever the hook
  hookd settings --hook-policy _messageReceived:timeout=ignore  # this hook and cause
  hookd settings --hook-policy _messageReceived=default         # no exception any more
  hookd settings --hook-breaker-failures 20 --hook-breaker-cool-down 2s

The policy of a failure is that of its hook and cause, else of its hook, else of its cause, else --on-hook-failure.
Causes: failed (the function returned an error), timeout, trap, out_of_memory, bad_reply, overloaded, unavailable.

Where the engine is dead or drowning (timeout, overloaded, unavailable, so many times in a row), a hook's circuit
breaker opens: its calls fail at once, as `unavailable`, until the engine answers a probe.")]
pub struct Settings {
    /// What happens to a request whose blocking hook fails: `ignore` goes on without the hook, `abort` stops the
    /// request with an error.
    #[arg(long, value_enum)]
    on_hook_failure: Option<OnHookFailure>,
    /// An exception from --on-hook-failure: `ignore`, `abort`, or `default` to remove it. May be given several times.
    #[arg(long, value_name = "[HOOK][:CAUSE]=POLICY", value_parser = hook_policy)]
    hook_policy: Vec<(String, Option<OnHookFailure>)>,
    /// Number of failures of the engine in a row that open a hook's circuit breaker; 0: never.
    #[arg(long, value_name = "COUNT")]
    hook_breaker_failures: Option<u32>,
    /// Time after which an open circuit breaker lets one call try the engine, at most 1min.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    hook_breaker_cool_down: Option<Duration>,
    /// How long a request waits for a blocking hook, at most 15s.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    blocking_hook_timeout: Option<Duration>,
    /// How long a notification hook may run, at most 15s.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    notification_hook_timeout: Option<Duration>,
    /// Timeout of a single hook; may be given several times.
    #[arg(long, value_name = "HOOK=DURATION", value_parser = hook_timeout)]
    hook_timeout: Vec<(String, Duration)>,
    /// Take the hooks from a LeanEngine app at this address instead of from hookd's engine; `none` goes back. An address that is
    /// not public needs the admin key.
    #[arg(long, value_name = "URL|none")]
    engine_url: Option<String>,
    /// Admin key of the installation, for --engine-url, --push-gateway and --max-limit [default: the one of the server in the data folder].
    #[arg(long, env = "HOOKD_ADMIN_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    admin_key: Option<String>,
    /// The most that the app gets of a limit, instead of the default; may be given several times. Needs the admin key.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_limit)]
    max_limit: Vec<(String, Option<u64>)>,
    /// Limit of the engine on this app, at most the default or the value of --max-limit; may be given several times.
    /// `…_ms` takes a duration (`2s`) and `…_bytes` a size (`64MiB`); `default` restores the default.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_limit)]
    limit: Vec<(String, Option<u64>)>,
    /// The same for one hook or function; it goes before the app's value. May be given several times.
    #[arg(long, value_name = "FUNCTION:NAME=VALUE", value_parser = function_limit)]
    function_limit: Vec<(String, String, Option<u64>)>,
    /// Let functions send HTTP requests to this host, on the usual ports unless one is given; `*.` stands for every host
    /// below. At first no host is allowed. May be given several times.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_host: Vec<HostPattern>,
    /// Remove an allowed host, written as it was given.
    #[arg(long, value_name = "HOST[:PORT]")]
    deny_host: Vec<HostPattern>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    features: FeatureSettings,
    #[command(flatten)]
    notifications: NotificationSettings,
    #[command(flatten)]
    rates: RateSettings,
    #[command(flatten)]
    retention: RetentionSettings,
    #[command(flatten)]
    push: PushSettings,
    #[command(flatten)]
    words: WordSettings,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnHookFailure {
    Ignore,
    Abort,
}

impl From<OnHookFailure> for FailurePolicy {
    fn from(policy: OnHookFailure) -> Self {
        match policy {
            OnHookFailure::Ignore => Self::Ignore,
            OnHookFailure::Abort => Self::Abort,
        }
    }
}

impl Settings {
    /// Changes the given settings, and prints all settings.
    pub async fn run(self) -> anyhow::Result<()> {
        let target = self.server.target()?;
        let is_of_operator = self.engine_url.is_some() || self.push.names_an_address() || !self.max_limit.is_empty();
        let admin_key = match (is_of_operator, &self.admin_key) {
            (false, _) => None,
            (true, Some(given)) => Some(given.clone()),
            (true, None) => self.server.saved_admin_key(&target.url)?,
        };
        let api = Api::new(target)?.with_admin_key(admin_key);
        let changes = self.changes()?;
        let settings = match changes == SettingsPatch::default() {
            true => api.settings().await?,
            false => api.change_settings(&changes).await?,
        };
        if self.json {
            return output::json(&settings);
        }
        let engine = settings.read()?;
        for (key, value) in settings.as_json().as_object().into_iter().flatten() {
            match key.as_str() {
                "limits" => {
                    let mut limits = engine.limits.iter();
                    limits.try_for_each(|(name, value)| output::data(&limit_line(&engine, name, *value)))?;
                }
                "function_limits" => {
                    for (function, limits) in &engine.function_limits {
                        for (name, value) in limits {
                            output::data(&format!("{key}.{function}.{name} = {value}"))?;
                        }
                    }
                }
                "max_limits" => {
                    let mut limits = engine.max_limits.iter();
                    limits.try_for_each(|(name, value)| output::data(&format!("{key}.{name} = {value}")))?;
                }
                // All of them, with --json.
                "word_list" => output::data(&format!("{key} = {} words", value.as_array().map_or(0, Vec::len)))?,
                // Part of the lines of the limits.
                "limit_sources" | "hook_deadlines_ms" => {}
                // Of the IM core, and of a newer server too.
                key => output::data(&format!("{key} = {value}"))?,
            }
        }
        Ok(())
    }

    fn changes(&self) -> anyhow::Result<SettingsPatch> {
        let mut im = ImSettingsPatch {
            on_hook_failure: self.on_hook_failure.map(Into::into),
            hook_failure_policies: self
                .hook_policy
                .iter()
                .map(|(scope, policy)| (scope.clone(), policy.map(Into::into)))
                .collect(),
            hook_breaker_failures: self.hook_breaker_failures,
            hook_breaker_cool_down_ms: self.hook_breaker_cool_down.map(milliseconds),
            blocking_hook_timeout_ms: self.blocking_hook_timeout.map(milliseconds),
            notification_hook_timeout_ms: self.notification_hook_timeout.map(milliseconds),
            hook_timeouts_ms: self
                .hook_timeout
                .iter()
                .map(|(hook, timeout)| (hook.clone(), Some(milliseconds(*timeout))))
                .collect(),
            engine_url: self.engine_url.as_ref().map(|url| (url != "none").then(|| url.clone())),
            ..ImSettingsPatch::default()
        };
        self.features.add_to(&mut im);
        self.notifications.add_to(&mut im);
        self.rates.add_to(&mut im);
        self.retention.add_to(&mut im);
        self.push.add_to(&mut im)?;
        self.words.add_to(&mut im)?;
        let limits = |given: &[(String, Option<u64>)]| -> LimitChanges {
            given.iter().map(|(name, value)| (name.clone(), (*value).into())).collect()
        };
        let mut engine = EngineSettingsPatch {
            max_limits: limits(&self.max_limit),
            limits: limits(&self.limit),
            ..EngineSettingsPatch::default()
        };
        for (function, name, value) in &self.function_limit {
            let limits = engine.function_limits.entry(function.clone()).or_default();
            limits.get_or_insert_default().insert(name.clone(), (*value).into());
        }
        let allowed = self.allow_host.iter().map(|host| (host.to_string(), Some(true)));
        let denied = self.deny_host.iter().map(|host| (host.to_string(), None));
        engine.allowed_hosts = allowed.chain(denied).collect();
        Ok(SettingsPatch { im, engine })
    }
}

/// `limits.queue = 1024 (default)`; a deadline that is not set depends on the kind of the function.
fn limit_line(settings: &EngineSettings, name: &str, value: u64) -> String {
    let source = match settings.limit_sources.get(name) {
        Some(LimitSource::App) => "app",
        Some(LimitSource::Default) => "default",
        None => "?",
    };
    let deadlines = match (name, source, settings.hook_deadlines_ms) {
        ("deadline_ms", "default", Some(deadlines)) => {
            format!("; blocking hooks {}; notification hooks {}", deadlines.blocking, deadlines.notification)
        }
        _ => String::new(),
    };
    format!("limits.{name} = {value} ({source}{deadlines})")
}

fn hook_timeout(text: &str) -> Result<(String, Duration), String> {
    let (hook, duration) = text.split_once('=').ok_or("expected HOOK=DURATION, e.g. _messageReceived=500ms")?;
    let duration = humantime::parse_duration(duration).map_err(|error| error.to_string())?;
    Ok((hook.to_owned(), duration))
}

/// `None` removes the exception.
fn hook_policy(text: &str) -> Result<(String, Option<OnHookFailure>), String> {
    let (scope, policy) = text.split_once('=').ok_or("expected [HOOK][:CAUSE]=POLICY, e.g. _messageReceived=abort")?;
    let policy = match policy {
        "ignore" => Some(OnHookFailure::Ignore),
        "abort" => Some(OnHookFailure::Abort),
        "default" => None,
        other => return Err(format!("`{other}` is not a policy; policies are ignore, abort, default")),
    };
    Ok((scope.to_owned(), policy))
}
