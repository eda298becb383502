//! How attempts fail, as `--answers` says it.

use super::super::args::{span, whole};
use crate::client::Failure;
use crate::server::{Response, Told};

/// How attempts fail.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Answers(pub(in crate::cli) Vec<Failed>);

/// One failure, and the words for it.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Failed {
    pub(in crate::cli) failure: Failure,
    pub(in crate::cli) words: String,
}

/// Reads a list such as `429 after 30s, 503, timeout`.
pub(in crate::cli) fn answers(text: &str) -> Result<Answers, String> {
    text.split(',')
        .map(answer)
        .collect::<Result<_, _>>()
        .map(Answers)
}

fn answer(text: &str) -> Result<Failed, String> {
    let mut words = text.split_whitespace();
    let expected = |what: &str| {
        format!(
            "expected {what}, such as 429, \"429 after 30s\", \"403 code 11\", \"429 reset 60s\" or timeout"
        )
    };
    let first = words.next().ok_or_else(|| expected("a failure"))?;
    let spoken = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut response = Response::default();
    let mut told = Told::default();
    if first.eq_ignore_ascii_case("timeout") {
        return match words.next() {
            None => Ok(Failed {
                failure: Failure::Timeout,
                words: spoken,
            }),
            Some(word) => Err(expected(&format!(
                "nothing after \"{first}\", not \"{word}\""
            ))),
        };
    }
    response.status = whole(first, 100..=599).map_err(|_| {
        expected(&format!(
            "a status from 100 to 599 or timeout in place of \"{first}\""
        ))
    })?;
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| expected(&format!("a value after \"{word}\"")))?;
        match word {
            "code" => response.code = Some(whole(value, 0..=u32::MAX)?),
            "after" => told.retry_after = Some(span(value)?),
            "reset" => told.reset = Some(span(value)?),
            word => {
                return Err(expected(&format!(
                    "after, reset or code in place of \"{word}\""
                )));
            }
        }
    }
    Ok(Failed {
        failure: Failure::Answer(response, told),
        words: spoken,
    })
}
