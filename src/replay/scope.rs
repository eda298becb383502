//! Fields of a log that tell whom a request counts for.

use super::trace::LogField;
use crate::scenario::Scope;

/// What a field may tell of whom a request counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogScope {
    /// The application.
    App,
    /// The user.
    User,
    /// The access token.
    Token,
    /// The public address.
    Nat,
    /// The home.
    Home,
    /// The device; empty for a request that concerns no single device.
    Device,
    /// The kind of the device.
    Kind,
}

impl LogScope {
    /// All of them.
    pub const ALL: [LogScope; 7] = [
        LogScope::App,
        LogScope::User,
        LogScope::Token,
        LogScope::Nat,
        LogScope::Home,
        LogScope::Device,
        LogScope::Kind,
    ];

    /// That of a scenario's scope; `None` for the method, which rows tell.
    pub fn of(scope: Scope) -> Option<LogScope> {
        match scope {
            Scope::App => Some(LogScope::App),
            Scope::User => Some(LogScope::User),
            Scope::Token => Some(LogScope::Token),
            Scope::Nat => Some(LogScope::Nat),
            Scope::Home => Some(LogScope::Home),
            Scope::Device => Some(LogScope::Device),
            Scope::Method => None,
        }
    }

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            LogScope::App => "app",
            LogScope::User => "user",
            LogScope::Token => "token",
            LogScope::Nat => "nat",
            LogScope::Home => "home",
            LogScope::Device => "device",
            LogScope::Kind => "kind",
        }
    }

    /// The names of fields that tell it, the likeliest first.
    fn usual(self) -> &'static [&'static str] {
        match self {
            LogScope::App => &[
                "app",
                "app_id",
                "application",
                "client_id",
                "api_key",
                "x_api_key",
            ],
            LogScope::User => &[
                "user",
                "user_id",
                "username",
                "account",
                "account_id",
                "user.id",
            ],
            LogScope::Token => &["token", "access_token"],
            LogScope::Nat => &[
                "nat",
                "ip",
                "address",
                "client_ip",
                "remote_addr",
                "source_ip",
            ],
            LogScope::Home => &["home", "home_id", "structure", "structure_id", "site"],
            LogScope::Device => &["device", "device_id", "module", "module_id"],
            LogScope::Kind => &["kind", "device_kind", "device_type"],
        }
    }

    /// The field to look for: that which was chosen, if one was, or one of the
    /// usual names. `-` stands for none: all requests are of one.
    pub(super) fn field(self, chosen: Option<&str>, needed_by: String) -> LogField {
        LogField {
            what: self.name(),
            names: match chosen {
                Some("-") => Vec::new(),
                Some(name) => vec![name.to_owned()],
                None => self.usual().iter().map(|name| (*name).to_owned()).collect(),
            },
            needed_by,
        }
    }
}

/// What a stage counts per.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyedBy {
    /// All requests together.
    Nothing,
    /// The key of a row, whatever it is.
    Key,
    /// These places of what [`Callers`](super::callers::Callers) number.
    Places(Vec<usize>),
}
