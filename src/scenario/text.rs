//! The text of a scenario: RON, with hints for whoever got a scenario wrong.

use serde::de::DeserializeOwned;

pub use crate::ron_text::*;

const HINTS: Hints = Hints {
    wrapped: &[
        ("Random(wait: ", ", attempts: 3)"),
        ("Limit(name: \"limit\", by: ", ")"),
    ],
    renamed: &["Constant", "Fixed", "Exactly", "At", "Shared", "Custom"],
    // Not the rule of a limit.
    elsewhere: (
        &["Gate", "Limit", "Admission"],
        "is a stage of its own, beside the limits",
    ),
    references: &[Reference {
        field: "retry",
        list: "retries",
        what: "policy",
    }],
    with_unit: "a time \"{}s\", a rate \"{}/min\"",
};

/// Reads a typed value from scenario text.
///
/// # Errors
/// As [`parse_with`].
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problems> {
    parse_with(text, &HINTS)
}
