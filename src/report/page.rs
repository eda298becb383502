use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Answer, number};
use crate::scenario::{Estimand, Part};

/// The answer as one HTML page that needs nothing else; `charts` are its
/// pictures in SVG.
pub fn page(answer: &Answer<'_>, charts: &[String]) -> String {
    let about = answer
        .scenario()
        .map_or("", |scenario| scenario.about.as_str());
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (answer.name()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (answer.name()) }
                p { (about) }
                p.quiet { (answer.intervals_in_words()) ", seed " (answer.study.seed) ", result " (answer.result_hash) }
                (estimates(answer))
                @for chart in charts {
                    figure { (PreEscaped(chart)) }
                }
            }
        }
    };
    markup.into_string()
}

fn estimates(answer: &Answer<'_>) -> Markup {
    let cells = &answer.study.cells;
    html! {
        table {
            thead { tr { th { } @for cell in cells { th { (cell.name) } } } }
            tbody {
                @for estimand in Estimand::all() {
                    @if answer.estimates.iter().any(|estimate| estimate.estimand == estimand) {
                        tr {
                            td title=(estimand.name()) { (estimand.words()) }
                            @for cell in 0..cells.len() {
                                td.number {
                                    (answer.estimate(cell, estimand, &Part::ALL).map_or_else(|| "-".to_owned(), number::estimate))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

const STYLE: &str = "body{font-family:system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:1.5rem 0}th,td{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
.number{text-align:right;font-variant-numeric:tabular-nums}th+th{text-align:right}.quiet{color:#666}\
figure{margin:2rem 0}figure svg{max-width:100%;height:auto}";
