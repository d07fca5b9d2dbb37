//! `hookd service`

use std::path::PathBuf;

use api_types::control::{
    NewServiceMessage, ServiceConversation, ServiceConversationsQuery, Subscriber, SubscribersQuery,
};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value};

use crate::client::{Api, ServerArguments};
use crate::exit::InputError;
use crate::{input_file, output};

/// More than the server takes.
const MAX_COLUMNS_BYTES: u64 = 1 << 20;

/// Make service conversations, see who subscribes, and send messages.
///
/// A service conversation (`sys`) speaks for the app: clients find it, subscribe to it and write to it, and only the app's
/// administrator makes one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd service create News
  hookd service list
  hookd service subscribers 64f0c0ffee0000000000a002
  hookd service send 64f0c0ffee0000000000a002 --from News --subscribers 'Good morning'")]
pub struct Service {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a service conversation; prints its id.
    #[command(after_help = "Examples:\n  hookd service create News\n  hookd service create News --columns news.json")]
    Create {
        /// The name that clients see.
        name: String,
        /// A file with a JSON object, `-` for standard input: `attr` and columns of your own.
        #[arg(long, value_name = "FILE|-")]
        columns: Option<PathBuf>,
        /// Print one line of JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List service conversations, the one that changed last first.
    #[command(after_help = "Example:\n  hookd service list --limit 20")]
    List {
        /// How many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// Pass over so many.
        #[arg(long, default_value_t = 0)]
        skip: u32,
        /// Print one line of JSON per conversation.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Send a message to some clients, or to all who subscribe; prints its id.
    #[command(after_help = "Examples:\n  hookd service send 64f0c0ffee0000000000a002 --from News --subscribers 'Good \
                            morning'\n  hookd service send 64f0c0ffee0000000000a002 --from News --to alice --to bob 'For two'")]
    Send(Box<Send>),
    /// List the clients that subscribe, in the order in which they came.
    #[command(after_help = "Example:\n  hookd service subscribers 64f0c0ffee0000000000a002 --after alice")]
    Subscribers {
        /// The id of the service conversation.
        id: String,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
        /// Begin after this subscriber.
        #[arg(long, value_name = "CLIENT")]
        after: Option<String>,
        /// Print one line of JSON per subscriber.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// The message, and whom it is for.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").args(["to", "subscribers"]).required(true)))]
struct Send {
    /// The id of the service conversation.
    id: String,
    /// The body as clients get it: a text, or the JSON of a typed message, such as `{"_lctype":-1,"_lctext":"Hello"}`.
    message: String,
    /// Whom clients see as the sender.
    #[arg(long, value_name = "CLIENT")]
    from: String,
    /// A client that gets it, subscribed or not; up to 20.
    #[arg(long, value_name = "CLIENT")]
    to: Vec<String>,
    /// All who subscribe get it.
    #[arg(long)]
    subscribers: bool,
    /// Only clients that are online get it, and it is not stored.
    #[arg(long)]
    transient: bool,
    /// The payload of pushes to clients that are offline, as JSON.
    #[arg(long, value_name = "JSON", conflicts_with = "subscribers")]
    push_data: Option<String>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Send {
    async fn run(self) -> anyhow::Result<()> {
        let message = NewServiceMessage {
            from_client: self.from,
            message: self.message,
            to_clients: (!self.subscribers).then_some(self.to),
            to_subscribers: self.subscribers,
            transient: self.transient,
            push_data: self.push_data,
        };
        let sent = Api::new(self.server.target()?)?.send_from_service(&self.id, &message).await?;
        if self.json { output::json(&sent) } else { output::data(&sent.read()?.id) }
    }
}

impl Service {
    /// Runs the action, and prints the server's answer.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Create { name, columns, json, server } => {
                let mut columns = columns.map(|file| read_columns(&file)).transpose()?.unwrap_or_default();
                columns.insert("name".to_owned(), Value::String(name));
                let created = Api::new(server.target()?)?.create_service(&columns).await?;
                if json { output::json(&created) } else { output::data(&created.read()?.id) }
            }
            Action::List { limit, skip, json, server } => {
                let query = ServiceConversationsQuery { skip, limit };
                let found = Api::new(server.target()?)?.services(&query).await?;
                if json {
                    return found.iter().try_for_each(output::json);
                }
                if found.is_empty() {
                    output::note("no service conversations");
                }
                found.iter().try_for_each(|service| output::data(&line(&service.read()?)))
            }
            Action::Send(send) => send.run().await,
            Action::Subscribers { id, limit, after, json, server } => {
                let query = SubscribersQuery { client_id: after, limit };
                let found = Api::new(server.target()?)?.subscribers(&id, &query).await?;
                if json {
                    return found.iter().try_for_each(output::json);
                }
                if found.is_empty() {
                    output::note("no subscribers");
                }
                for subscriber in &found {
                    let Subscriber { subscriber, .. } = subscriber.read()?;
                    output::data(&subscriber)?;
                }
                Ok(())
            }
        }
    }
}

fn read_columns(file: &std::path::Path) -> Result<Map<String, Value>, InputError> {
    let bytes = input_file::read_text(file, "the columns", MAX_COLUMNS_BYTES)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| InputError::new(format!("`{}` is no JSON object: {error}", file.display())))
}

fn line(service: &ServiceConversation) -> String {
    let name = service.columns.get("name").and_then(Value::as_str).unwrap_or_default();
    format!("{}  {name}", service.id)
}
