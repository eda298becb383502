use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::position::floor_boundary;
use super::{Problem, Problems};

/// Problems as `rustc` shows its own: the message, the file with line and
/// column, the line underlined at the place, what was expected there, and the
/// help; one blank line between two problems, no line break at the end.
///
/// `file` is the name to show and `text` what the places refer to. With
/// `colour` the result holds ANSI escape sequences.
pub fn render(problems: &Problems, file: &str, text: &str, colour: bool) -> String {
    let renderer = match colour {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let shown: Vec<String> = problems
        .iter()
        .map(|problem| one(&renderer, problem, file, text))
        .collect();
    shown.join("\n\n")
}

fn one(renderer: &Renderer, problem: &Problem, file: &str, text: &str) -> String {
    let title = Level::ERROR.primary_title(tame(&problem.message));
    let mut report = match &problem.place {
        None => title.element(Origin::path(tame(file))),
        Some(place) => {
            let window = window(
                text,
                floor_boundary(text, place.start),
                floor_boundary(text, place.end),
            );
            let label = Some(tame(&problem.label)).filter(|label| !label.is_empty());
            title.element(
                Snippet::source(window.text)
                    .line_start(window.first_line)
                    .path(tame(file))
                    .annotation(
                        AnnotationKind::Primary
                            .span(window.start..window.end)
                            .label(label),
                    ),
            )
        }
    };
    if let Some(help) = &problem.help {
        report = report.element(Level::HELP.message(tame(help)));
    }
    let report: &[Group<'_>] = &[report];
    renderer.render(report)
}

/// A text that may quote a scenario, without characters that would steer the
/// terminal; the renderer sees to those of the shown lines.
fn tame(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => Cow::Owned(text.replace(char::is_control, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
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
