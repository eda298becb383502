use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::sums::percent;
use crate::replay::{Goal, Suggestion, Totals};

/// Limits that the log would hardly have felt.
pub(super) struct Proposals<'p> {
    pub(super) suggestions: &'p [Suggestion],
    pub(super) requests: u64,
    pub(super) clients: u64,
    /// Limiters that were given, with what came of them.
    pub(super) given: Vec<(&'p str, &'p Totals)>,
}

impl Proposals<'_> {
    pub(super) fn text(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            // Each limiter in one piece, to be copied.
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "refused at most",
            "the smallest limit per client",
            "requests refused",
            "clients refused",
        ]);
        let of = |part: u64, all: u64| format!("{part} ({})", percent(share(part, all)));
        let same = |one: &Suggestion, other: &Suggestion| {
            let parts = |it: &Suggestion| (it.algorithm.name(), it.window, it.quota);
            parts(one) == parts(other)
        };
        let mut rest = self.suggestions;
        while let Some(first) = rest.first() {
            // Goals that the same limit reaches share a row, whatever stands
            // between them.
            let pair =
                |it: &&Suggestion| (it.algorithm, it.window) == (first.algorithm, first.window);
            let count = rest.iter().take_while(pair).count();
            let (these, others) = rest.split_at(count);
            rest = others;
            for (place, suggestion) in these.iter().enumerate() {
                if these[..place]
                    .iter()
                    .any(|earlier| same(earlier, suggestion))
                {
                    continue;
                }
                let goals = these[place..]
                    .iter()
                    .filter(|other| same(other, suggestion));
                let goals: Vec<Goal> = goals.map(|it| it.goal).collect();
                table.add_row([
                    all_in_words(&goals),
                    suggestion
                        .algorithm
                        .text(suggestion.quota, suggestion.window),
                    of(suggestion.refused, self.requests),
                    of(suggestion.refused_clients, self.clients),
                ]);
            }
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!(
            "{} requests of {} clients\n\n{table}\n",
            self.requests, self.clients
        )
    }

    /// One line per limit.
    pub(super) fn csv(&self) -> String {
        let mut text = "algorithm,window_s,goal,limiter,quota,requests,requests_refused,requests_refused_share,clients,clients_refused,clients_refused_share\n".to_owned();
        let mut line = |head: [&str; 3], limiter: &str, quota: &str, refused: (u64, u64)| {
            let limiter = limiter.replace('"', "\"\"");
            let (requests, clients) = refused;
            let number = |share: Option<f64>| share.map_or(String::new(), |it| it.to_string());
            let _ = writeln!(
                text,
                "{},\"{limiter}\",{quota},{},{requests},{},{},{clients},{}",
                head.join(","),
                self.requests,
                number(share(requests, self.requests)),
                self.clients,
                number(share(clients, self.clients)),
            );
        };
        for it in self.suggestions {
            let window = it.window.secs_f64().to_string();
            line(
                [it.algorithm.name(), &window, &in_words(it.goal)],
                &it.algorithm.text(it.quota, it.window),
                &it.quota.to_string(),
                (it.refused, it.refused_clients),
            );
        }
        for (limiter, totals) in &self.given {
            let refused = (totals.refused, totals.refused_keys);
            line(["", "", "given"], limiter, "", refused);
        }
        text
    }

    /// A field of a document, with its comma.
    pub(super) fn json(&self) -> String {
        let one = |it: &Suggestion| {
            let (of, at_most) = match it.goal {
                Goal::Nothing => ("requests", 0.0),
                Goal::OneRequestIn(count) => ("requests", 1.0 / count as f64),
                Goal::OneClientIn(count) => ("clients", 1.0 / count as f64),
            };
            json!({
                "algorithm": it.algorithm.name(),
                "window_s": it.window.secs_f64(),
                "goal": {"of": of, "at_most": at_most},
                "quota": it.quota,
                "limiter": it.algorithm.text(it.quota, it.window),
                "requests": self.requests,
                "requests_refused": it.refused,
                "requests_refused_share": share(it.refused, self.requests),
                "clients": self.clients,
                "clients_refused": it.refused_clients,
                "clients_refused_share": share(it.refused_clients, self.clients),
            })
        };
        let all: Vec<Value> = self.suggestions.iter().map(one).collect();
        format!("  \"suggestions\": {:#},\n", json!(all))
    }
}

fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// Goals of one row, those of one kind put together.
fn all_in_words(goals: &[Goal]) -> String {
    let of = |share: &dyn Fn(Goal) -> Option<u64>, what: &str| {
        let shares = goals.iter().filter_map(|goal| share(*goal));
        let shares: Vec<String> = shares.map(|one| (100.0 / one as f64).to_string()).collect();
        (!shares.is_empty()).then(|| format!("{} % of {what}", shares.join(" or ")))
    };
    let requests = |goal| match goal {
        Goal::OneRequestIn(count) => Some(count),
        _ => None,
    };
    let clients = |goal| match goal {
        Goal::OneClientIn(count) => Some(count),
        _ => None,
    };
    let none = goals.contains(&Goal::Nothing).then(|| "none".to_owned());
    let words = [none, of(&requests, "requests"), of(&clients, "clients")];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn in_words(goal: Goal) -> String {
    match goal {
        Goal::Nothing => "none".to_owned(),
        Goal::OneRequestIn(count) => format!("{} % of requests", 100.0 / count as f64),
        Goal::OneClientIn(count) => format!("{} % of clients", 100.0 / count as f64),
    }
}
