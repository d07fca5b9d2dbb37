use std::time::Duration;

/// The caller and the budget of a call. A hook asks for it with a second argument, `&Context`.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names this call in the logs. Unique in the installation.
    pub request_id: String,
    /// The app.
    pub app_id: String,
    /// Where the module was called. IM traffic calls production only (EC-25).
    pub environment: Environment,
    /// IP address of the client on whose behalf the call is made; absent when it is unknown.
    pub remote_address: Option<String>,
    /// The raw session token of the caller; absent on hooks.
    pub session_token: Option<String>,
    /// The caller's user as JSON text; absent without a valid session token.
    pub current_user: Option<String>,
    /// From the start of the call until the engine stops it.
    pub deadline: Duration,
    /// Names a notification, which may come more than once: the same on every attempt, and greater than on those of the
    /// app that were queued before. Of two events of one client the one with the greater number is the newer. Absent on blocking
    /// hooks and functions.
    pub sequence: Option<u64>,
}

/// Where a module is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Serves real traffic.
    #[default]
    Production,
    /// For trying things out; called by hand only.
    Staging,
}

/// A context for tests: an anonymous caller of the app `test`.
impl Default for Context {
    fn default() -> Self {
        Self {
            request_id: "test".to_owned(),
            app_id: "test".to_owned(),
            environment: Environment::Production,
            remote_address: None,
            session_token: None,
            current_user: None,
            deadline: Duration::from_secs(10),
            sequence: None,
        }
    }
}
