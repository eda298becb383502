use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::notes::notes;
use super::rows::{Group, groups, remarks};
use super::table::MOST_POLICIES;
use super::{Answer, Provenance, verdict};
use crate::experiment::Verdict;
use crate::scenario::Note;
use crate::scenario::text::printable;

/// More policies than this stand below each other.
const MOST_COLUMNS: usize = 6;

/// The answer as one HTML page that needs nothing else; `charts` are its
/// pictures in SVG.
pub fn page(answer: &Answer<'_>, provenance: &Provenance, charts: &[String]) -> String {
    let about = answer
        .scenario()
        .map_or("", |scenario| scenario.about.as_str());
    let name = printable(answer.name());
    let all = answer.study.cells.len();
    let policies = all.min(MOST_POLICIES);
    let groups = groups(answer, policies);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (name) }
                @if !about.is_empty() { p { (printable(about)) } }
                p.quiet { (answer.intervals_in_words()) ", seed " (answer.study.seed) ", result " (answer.result_hash) }
                (targets(answer))
                h2 { "Estimates" }
                div.wide role="region" aria-label="Estimates" tabindex="0" {
                    @if policies <= MOST_COLUMNS { (side_by_side(answer, policies, &groups)) }
                    @else { (below_each_other(answer, policies, &groups)) }
                }
                @if policies < all {
                    p.quiet { "The first " (policies) " of " (all) " policies; estimates.csv has all." }
                }
                @for line in remarks(answer, &groups).iter().chain(&notes(answer)) {
                    p.note { (line) }
                }
                @for note in Note::on(answer.study.cells.iter().map(|cell| &cell.scenario)) {
                    p.note { "note: " (printable(&note.path())) ": " (printable(&note.to_string())) }
                }
                h2 { "Charts" }
                @for (number, chart) in charts.iter().enumerate() {
                    figure { (PreEscaped(with_own_ids(chart, number))) }
                }
                h2 { "How it was run" }
                p { code { (command(provenance)) } }
                details {
                    summary { "The scenario, with all values set" }
                    pre { code { (shown_lines(&provenance.text)) } }
                }
            }
        }
    };
    markup.into_string()
}

/// The targets with their verdicts, each for every policy.
fn targets(answer: &Answer<'_>) -> Markup {
    if answer.targets.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Targets" }
        div.wide role="region" aria-label="Targets" tabindex="0" {
            table {
                thead { tr { th { "target" } th { "policy" } th { "verdict" } } }
                tbody {
                    @for results in verdict::by_target(answer) {
                        @for result in results.iter().take(MOST_POLICIES) {
                            tr {
                                td { code { (verdict::printable_target(&result.target)) } }
                                td { (answer.policy(result.cell)) }
                                td class=(class(result.verdict)) { (verdict::in_words(answer, result)) }
                            }
                        }
                        @if results.len() > MOST_POLICIES {
                            tr { td colspan="3" { "and " (results.len() - MOST_POLICIES) " more; manifest.json has all" } }
                        }
                    }
                }
            }
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Undecided => "undecided",
    }
}

fn side_by_side(answer: &Answer<'_>, policies: usize, groups: &[Group]) -> Markup {
    html! {
        table {
            thead {
                @for row in answer.heading(policies) {
                    tr { @for cell in &row { th { (cell) } } }
                }
            }
            @for group in groups {
                tbody {
                    @if !group.heading.is_empty() {
                        tr { th.group colspan=(policies + 1) { (group.heading) } }
                    }
                    @for row in &group.rows {
                        tr {
                            td title=(row.name) { (row.words) }
                            @for cell in &row.cells { td.number { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

fn below_each_other(answer: &Answer<'_>, policies: usize, groups: &[Group]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { }
                    @for group in groups { th.group colspan=(group.rows.len()) { (group.heading) } }
                }
                tr {
                    th { (answer.varied_paths().join(", ")) }
                    @for row in groups.iter().flat_map(|group| &group.rows) {
                        th title=(row.name) { (row.words) }
                    }
                }
            }
            tbody {
                @for policy in 0..policies {
                    tr {
                        td { (answer.policy(policy)) }
                        @for row in groups.iter().flat_map(|group| &group.rows) {
                            td.number { (row.cells[policy]) }
                        }
                    }
                }
            }
        }
    }
}

/// The names within a picture are unique in a page that holds several.
fn with_own_ids(svg: &str, number: usize) -> String {
    svg.replacen(
        "aria-labelledby=\"title desc\"",
        &format!("aria-labelledby=\"title{number} desc{number}\""),
        1,
    )
    .replacen(
        "<title id=\"title\">",
        &format!("<title id=\"title{number}\">"),
        1,
    )
    .replacen(
        "<desc id=\"desc\">",
        &format!("<desc id=\"desc{number}\">"),
        1,
    )
}

/// The command as a shell takes it.
fn command(provenance: &Provenance) -> String {
    let quoted = |word: &String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        let word = printable(word);
        match !word.is_empty() && word.chars().all(is_plain) {
            true => word.into_owned(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        }
    };
    let words = provenance.command.iter().enumerate().map(|(place, word)| {
        // Where the program was found is nobody's business.
        let file = std::path::Path::new(word).file_name();
        match (place, file) {
            (0, Some(file)) => quoted(&file.to_string_lossy().into_owned()),
            _ => quoted(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A text of several lines, each printable.
fn shown_lines(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let parts: Vec<_> = line.split('\t').map(printable).collect();
        parts.join("\t")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--quiet:#5b6470;--line:#d9dde2;--page:#fff;--band:#f3f5f7;--good:#0a6b4b;--bad:#a83c00}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--quiet:#a3abb5;--line:#3a414a;--page:#15181c;--band:#1f242a;--good:#4fd1a1;--bad:#ff9a5c}}\
body{font-family:system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--page);line-height:1.45}\
h2{margin-top:2.2rem}\
.wide{overflow-x:auto;max-width:100%}\
table{border-collapse:collapse;margin:.5rem 0}\
th,td{padding:.3rem .8rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}\
thead th+th{text-align:right}thead th.group+th.group{text-align:left}\
th.group{background:var(--band)}\
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
td:first-child{min-width:11rem}\
.quiet,.note{color:var(--quiet)}.note{margin:.3rem 0}\
.met{color:var(--good)}.missed{color:var(--bad);font-weight:600}\
figure{margin:1.5rem 0;padding:.5rem;background:#fff;border:1px solid var(--line);border-radius:.5rem}\
figure svg{display:block;max-width:100%;height:auto}\
pre{overflow-x:auto;background:var(--band);padding:1rem;border-radius:.5rem}code{font-size:.92em;overflow-wrap:anywhere}pre code{overflow-wrap:normal}";
