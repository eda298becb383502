use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::position::floor_boundary;
use super::printable::{is_unprintable, printable, shortened};
use super::{Problem, Problems};

/// Problems as `rustc` shows its own: the message, the file with line and
/// column, the line underlined at the place, what was expected there, and the
/// help; one blank line between two problems, no line break at the end. Of many
/// problems the first [`MOST_SHOWN`] are shown, and the number of the others.
///
/// `file` is the name to show and `text` what the places refer to. With
/// `colour` the result holds ANSI escape sequences.
pub fn render(problems: &Problems, file: &str, text: &str, colour: bool) -> String {
    let renderer = match colour {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let mut shown: Vec<String> = problems
        .iter()
        .take(MOST_SHOWN)
        .map(|problem| one(&renderer, problem, file, text))
        .collect();
    let more = problems.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more problems"));
    }
    shown.join("\n\n")
}

/// The most problems that are shown at a time.
pub const MOST_SHOWN: usize = 20;

fn one(renderer: &Renderer, problem: &Problem, file: &str, text: &str) -> String {
    let title = Level::ERROR.primary_title(tame(&problem.message));
    let mut report = match &problem.place {
        None => {
            let title = title.element(Origin::path(tame(file)));
            match problem.label.as_str() {
                "" => title,
                label => title.element(Level::NOTE.message(tame(label))),
            }
        }
        Some(place) => {
            let window = window(
                text,
                floor_boundary(text, place.start),
                floor_boundary(text, place.end),
            );
            // As far into the shown line as into the written one.
            let shift = |at: usize| visible(&window.text[..at]).len();
            let marked = shift(window.start)..shift(window.end);
            let label = Some(tame(&problem.label)).filter(|label| !label.is_empty());
            title.element(
                Snippet::source(visible(window.text))
                    .line_start(window.first_line)
                    .path(tame(file))
                    .annotation(AnnotationKind::Primary.span(marked).label(label)),
            )
        }
    };
    if let Some(help) = &problem.help {
        report = report.element(Level::HELP.message(tame(help)));
    }
    let report: &[Group<'_>] = &[report];
    renderer.render(report)
}

/// A message of one line that may quote what a user wrote: printable, what is
/// in quotes shortened, and the whole not too long to be read.
fn tame(message: &str) -> String {
    const QUOTED: usize = 60;
    const WHOLE: usize = 700;
    let printable = printable(message);
    let mut tamed = String::new();
    // Parts at odd places stand between quotes.
    for (number, part) in printable.split('"').enumerate() {
        if number > 0 {
            tamed.push('"');
        }
        match number % 2 {
            1 => tamed.push_str(&shortened(part, QUOTED)),
            _ => tamed.push_str(part),
        }
        if tamed.len() > 4 * WHOLE {
            break;
        }
    }
    shortened(&tamed, WHOLE).into_owned()
}

/// Lines of a scenario, with a mark in place of each character that would steer
/// the terminal or turn the line around; columns stay.
fn visible(lines: &str) -> String {
    let mut shown = String::with_capacity(lines.len());
    for (at, c) in lines.char_indices() {
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if lines[at + 1..].starts_with('\n') => shown.push(c),
            c if is_unprintable(c) => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}

/// The lines around a place: the renderer need not see the whole file.
struct Window<'t> {
    text: &'t str,
    first_line: usize,
    start: usize,
    end: usize,
}

fn window(text: &str, start: usize, end: usize) -> Window<'_> {
    let end = end.max(start);
    let from = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let to = text[end..]
        .find('\n')
        .map_or(text.len(), |newline| end + newline);
    Window {
        text: &text[from..to],
        first_line: 1 + text[..from].matches('\n').count(),
        start: start - from,
        end: end - from,
    }
}

#[cfg(test)]
mod tests;
