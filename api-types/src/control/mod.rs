//! Requests and answers of the control API, `/hookd/v1`. A reader ignores fields that it does not know, unless the type says
//! otherwise: the other side may be of another version.

mod apps;
mod bans;
mod breakers;
mod cache;
mod dead_letters;
mod health;
mod logs;
mod refusal;
mod releases;
mod service_conversations;
mod settings;
mod stats;
mod variables;

pub use apps::{AppKeys, AppSummary, DeletedApp, LiveVersion, NewApp};
pub use bans::{BannedClient, BansQuery, EndedBan, NewBan, ShownBan};
pub use breakers::{Breaker, BreakerState};
pub use cache::{CacheCommands, CacheReplies, CacheReply, CacheWord};
pub use dead_letters::{DeadLetter, DeadLetterSelection, DeadLettersQuery, DroppedLetters, RetriedLetters};
pub use health::Health;
pub use logs::{LogEvent, LogLevel, LogLine, LogsQuery};
pub use refusal::Refusal;
pub use releases::{
    Attribution, ChangedVariables, CheckedVersion, DeployEvent, DeployQuery, PastRelease, Release, ReleasesQuery,
    RollbackTo, Version, VersionFunction,
};
pub use service_conversations::{
    NewServiceMessage, SentServiceMessage, ServiceConversation, ServiceConversationsQuery, Subscriber, SubscribersQuery,
};
pub use settings::{
    EngineSettings, EngineSettingsPatch, FailurePolicy, HookDeadlines, ImSettingsPatch, LimitChange, LimitChanges,
    LimitSource, RateOverflow, SettingsPatch,
};
pub use stats::{AppStats, EngineStats, FunctionStats, Stats};
pub use variables::{DifferingVariables, ListedVariables, NewVariable, SeenQuery, ShownVariable, VariableChanges};
