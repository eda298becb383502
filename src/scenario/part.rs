use std::fmt;

use super::DayWindow;

/// A part of the traffic, or of the server, that has estimates of its own: all
/// that fits every field that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Requests of the homes of this cohort.
    pub cohort: Option<String>,
    /// Requests that call this method.
    pub method: Option<String>,
    /// Refusals by this stage of the server, or what happens at this gate.
    pub limit: Option<String>,
    /// What starts in this window of the day.
    pub window: Option<DayWindow>,
}

impl Part {
    /// The whole.
    pub const ALL: Part = Part {
        cohort: None,
        method: None,
        limit: None,
        window: None,
    };

    /// The homes of a cohort.
    pub fn cohort(name: &str) -> Part {
        Part {
            cohort: Some(name.to_owned()),
            ..Part::ALL
        }
    }

    /// The calls of a method.
    pub fn method(name: &str) -> Part {
        Part {
            method: Some(name.to_owned()),
            ..Part::ALL
        }
    }

    /// A stage of the server.
    pub fn limit(name: &str) -> Part {
        Part {
            limit: Some(name.to_owned()),
            ..Part::ALL
        }
    }

    /// A window of the day.
    pub fn window(window: DayWindow) -> Part {
        Part {
            window: Some(window),
            ..Part::ALL
        }
    }

    /// The dimensions that are given, each with its value, as files name them.
    pub fn dimensions(&self) -> Vec<(&'static str, String)> {
        let window = self.window.map(|window| window.to_string());
        let named = [
            ("cohort", self.cohort.clone()),
            ("method", self.method.clone()),
            ("limit", self.limit.clone()),
            ("window", window),
        ];
        named
            .into_iter()
            .filter_map(|(dimension, value)| Some((dimension, value?)))
            .collect()
    }
}

impl fmt::Display for Part {
    /// As a target has it, such as `in 06:00..06:05 of "cloud homes"`; nothing
    /// for the whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.map(|window| format!("in {window}"));
        let quoted = |words: &str, name: &Option<String>| {
            name.as_ref().map(|name| format!("{words} \"{name}\""))
        };
        let parts = [
            window,
            quoted("of", &self.cohort),
            quoted("of method", &self.method),
            quoted("by", &self.limit),
        ];
        let given: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&given.join(" "))
    }
}
