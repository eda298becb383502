//! What the README and the book say, held against the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ratelab::cli::Exit;
use ratelab::scenario::text::{SourceTree, set};
use ratelab::scenario::{Estimand, Source, presets};

use crate::support::Place;

/// What a fragment is put into: it has what fragments refer to.
const AROUND_FRAGMENTS: &str = r#"Scenario(
    name: "around a fragment",
    time: (start: "2026-01-01T00:00:00Z", length: "1d"),
    cohorts: {"homes": (
        homes: 2,
        client: "app",
        devices: [(kind: "thermostat", count: Exactly(1)), (kind: "valve", count: Exactly(2))],
    )},
    clients: {"app": (
        polls: [(method: "status", every: "60s")],
        commands: [(method: "set", at: Poisson(rate: "1/h"), deadline: "1min")],
    )},
    server: (stages: [Gate(permits: 1)], backend: (service: Constant("80ms"))),
)"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn chapter(name: &str) -> String {
    read(&root().join("book/src").join(name))
}

/// All pages, with their names.
fn pages() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("book/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    files.sort();
    files.extend(
        ["README.md", "CONTRIBUTING.md", "outputs/README.md"].map(|name| root().join(name)),
    );
    files
        .iter()
        .map(|path| (path.display().to_string(), read(path)))
        .collect()
}

/// The code blocks of a page whose info string is `kind`.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').unwrap();
        let (body, after) = after
            .split_once("\n```")
            .expect("a block that is not closed");
        if info.trim() == kind {
            found.push(body);
        }
        rest = after;
    }
    found
}

fn assert_sound(place: &str, text: &str) {
    if let Err(problems) = Source::new(text.to_owned()).variants() {
        panic!("{place}: {problems}\n{text}");
    }
}

#[test]
fn every_scenario_in_the_pages_is_sound() {
    let (mut whole, mut fragments) = (0, 0);
    for (name, page) in pages() {
        for text in blocks(&page, "ron") {
            assert!(
                text.starts_with("Scenario("),
                "{name}: not a scenario\n{text}"
            );
            assert_sound(&name, text);
            whole += 1;
        }
        for fragment in blocks(&page, "ron,fragment") {
            let wrapped = format!("Scenario({fragment})");
            let tree = SourceTree::new(&wrapped);
            assert!(tree.is_one_value(), "{name}: {fragment}");
            let mut text = AROUND_FRAGMENTS.to_owned();
            for entry in &tree.root().unwrap().group().unwrap().entries {
                let field = tree.name(entry.key.as_ref().expect("a field of a scenario"));
                text = set(&text, &field, tree.raw(&entry.value.span)).unwrap();
            }
            assert_sound(&name, &text);
            fragments += 1;
        }
        assert_eq!(
            page.matches("```ron").count(),
            blocks(&page, "ron").len() + blocks(&page, "ron,fragment").len(),
            "{name}: a block of another kind"
        );
    }
    assert!(
        whole >= 3 && fragments >= 6,
        "{whole} whole, {fragments} fragments"
    );
}

/// The first cells of the rows of all tables whose head begins with `head`.
fn first_cells<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let mut cells = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with(&format!("| {head} |")) {
            lines.next();
            for row in lines.by_ref().take_while(|line| line.starts_with('|')) {
                cells.push(row.split('|').nth(1).unwrap().trim());
            }
        }
    }
    cells
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_estimands_are_those_of_the_program() {
    let page = chapter("estimates.md");
    let told: Vec<&str> = first_cells(&page, "name")
        .into_iter()
        .flat_map(quoted)
        .collect();
    let known: Vec<&str> = Estimand::all().map(Estimand::name).collect();
    assert_eq!(told, known);
    // Names elsewhere, by the shapes that only they have.
    for (name, page) in pages() {
        for word in quoted(&page) {
            let prefixes = [
                "p429.",
                "p_",
                "latency.",
                "wakeups.",
                "utilisation.",
                "wait.gate",
            ];
            if prefixes.iter().any(|prefix| word.starts_with(prefix)) && !word.contains(' ') {
                assert!(Estimand::named(word).is_some(), "{name}: {word}");
            }
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let codes = [
        Exit::Done,
        Exit::Failed,
        Exit::BadInput,
        Exit::TargetMissed,
        Exit::TargetUndecided,
        Exit::Interrupted,
    ]
    .map(|exit| (exit as i32).to_string());
    for (page, head) in [
        (chapter("command-line.md"), "code"),
        (read(&root().join("README.md")), "exit code"),
    ] {
        assert_eq!(first_cells(&page, head), codes);
    }
}

fn ratelab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ratelab"))
}

fn help(verb: &str) -> String {
    let output = ratelab().args([verb, "--help"]).output().unwrap();
    assert!(output.status.success(), "{verb} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The long flags in a text.
fn flags(text: &str) -> BTreeSet<String> {
    text.split(|c: char| c.is_whitespace() || "`|=,[]".contains(c))
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn verbs_and_flags_are_those_of_the_program() {
    let page = chapter("command-line.md");
    let table = first_cells(&page, "flag of `run`").join(" ");
    let mut told = flags(&table);
    assert!(told.remove("version"), "--version is of the program");
    assert_eq!(told, flags(&help("run")));
    let mut told = flags(&first_cells(&page, "flag of `replay`").join(" "));
    told.insert("help".to_owned());
    assert_eq!(told, flags(&help("replay")));

    let whole = String::from_utf8(ratelab().arg("--help").output().unwrap().stdout).unwrap();
    let listed = whole.split_once("Commands:").unwrap().1;
    let listed = listed.split_once("\n\n").unwrap().0;
    let verbs: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty())
        .collect();
    let told: BTreeSet<&str> = first_cells(&page, "verb")
        .into_iter()
        .flat_map(quoted)
        .map(|cell| cell.split(' ').next().unwrap())
        .collect();
    assert_eq!(told, verbs);
    // The texts of flags are taken over lines, so look at the whole sentence.
    let sentence = page.split_once("`check` takes").unwrap().1;
    let mut told = flags(sentence.split_once('.').unwrap().0);
    told.insert("help".to_owned());
    assert_eq!(told, flags(&help("check")));
}

/// The words of a shell command, with single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_commands_in_the_pages_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("my.ron");
    std::fs::write(&mine, presets::find("netatmo").unwrap().text).unwrap();
    let known = flags(&help("run"));
    let mut checked = 0;
    // The recipes have scenarios of their own, and are run.
    let pages = pages()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("recipes.md"));
    for (name, page) in pages {
        for line in blocks(&page, "sh").join("\n").lines() {
            let command = line.split(" #").next().unwrap().trim();
            let arguments = command
                .strip_prefix("cargo run --release -- ")
                .or_else(|| command.strip_prefix("ratelab "));
            let Some(words) = arguments.map(words) else {
                continue;
            };
            // Those are run as they are among the tests of replay.
            if words[0] == "replay" {
                continue;
            }
            if words[0] != "run" && words[0] != "check" {
                assert_eq!(words[..2], ["presets", "copy"], "{name}: {line}");
                continue;
            }
            for flag in flags(arguments.unwrap_or_default()) {
                assert!(known.contains(&flag), "{name}: --{flag}");
            }
            // A run is checked as if it were a check of the same scenario.
            if words[1].starts_with("scenarios/validation") {
                continue;
            }
            let mut check = ratelab();
            check.current_dir(folder.path()).args(["check", &words[1]]);
            for pair in words.windows(2).filter(|pair| pair[0] == "--set") {
                check.args(pair);
            }
            let output = check.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {line}\n{told}");
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn the_json_fields_are_those_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.ron");
    std::fs::write(&file, AROUND_FRAGMENTS).unwrap();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = ratelab()
            .args(arguments)
            .args(["--format", "json"])
            .arg(&file)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let page = chapter("command-line.md");
    let told = |head: &str| -> BTreeSet<String> {
        first_cells(&page, head)
            .into_iter()
            .flat_map(quoted)
            .map(str::to_owned)
            .collect()
    };
    let run = json(&["run", "--no-files", "--replications", "1"]);
    assert_eq!(keys(&run), told("field of `run`"));
    assert_eq!(keys(&run["estimates"][0]), told("field of an estimate"));
    assert_eq!(keys(&json(&["check"])), told("field of `check`"));
}

/// The anchors of a page, as mdBook makes them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_and_pictures_lead_somewhere() {
    let book = root().join("book/src");
    for (name, page) in pages() {
        let folder = Path::new(&name).parent().unwrap();
        for target in page.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.starts_with("http") {
                continue;
            }
            let path = match file {
                "" => PathBuf::from(&name),
                file => folder.join(file),
            };
            assert!(path.exists(), "{name}: {target}");
            // The built book has nothing from outside its sources.
            assert!(
                folder != book || !file.starts_with(".."),
                "{name}: {target} leaves the book"
            );
            if !anchor.is_empty() {
                let there = anchors(&read(&path));
                assert!(there.contains(anchor), "{name}: {target}, not in {there:?}");
            }
        }
    }
    let summary = chapter("SUMMARY.md");
    for entry in std::fs::read_dir(root().join("book/src")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            ["SUMMARY.md", "gallery"].contains(&file.as_str())
                || summary.contains(&format!("({file})")),
            "{file} is in no summary"
        );
    }
}

#[test]
fn the_pictures_of_the_book_are_those_of_the_gallery() {
    for entry in std::fs::read_dir(root().join("outputs/gallery")).unwrap() {
        let picture = entry.unwrap().path();
        let copy = root()
            .join("book/src/gallery")
            .join(picture.file_name().unwrap());
        let bytes = |path: &Path| std::fs::read(path).unwrap();
        assert!(bytes(&picture) == bytes(&copy), "{}", copy.display());
    }
}

/// Every command of the recipes is run as it stands there, on the scenarios of
/// the page, and ends as a study does.
#[test]
fn the_recipes_work() {
    let page = chapter("recipes.md");
    let place = Place::new();
    let scenarios = blocks(&page, "ron");
    for (name, text) in ["sensors.ron", "herd.ron"].iter().zip(&scenarios) {
        place.write(name, text);
    }
    assert_eq!(scenarios.len(), 2);
    place.write("access.log", read(&root().join("scenarios/access.log")));
    let program = format!("'{}'", env!("CARGO_BIN_EXE_ratelab"));
    let mut run = 0;
    for line in blocks(&page, "sh").iter().flat_map(|block| block.lines()) {
        let arguments = line.strip_prefix("ratelab").unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("{program}{arguments}")])
            .current_dir(place.path("."))
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        // The sweep says so where the largest fleets miss its target.
        let expected: &[i32] = if line.contains("Linear(") {
            &[0, 3, 4]
        } else {
            &[0]
        };
        assert!(expected.contains(&code.unwrap()), "{line}: {code:?} {err}");
        assert!(!output.stdout.is_empty(), "{line}");
        run += 1;
    }
    assert!(run >= 8, "{run}");
    assert!(place.names("figure").contains(&"policies.svg".to_owned()));
}

#[test]
fn the_validation_chapter_lists_what_there_is() {
    let page = chapter("validation.md");
    let told: BTreeSet<String> = first_cells(&page, "scenario")
        .into_iter()
        .flat_map(quoted)
        .map(str::to_owned)
        .collect();
    let folder = std::fs::read_dir(root().join("scenarios/validation"));
    let there: BTreeSet<String> = folder
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    // A package without the folder has nothing to compare with.
    assert!(there.is_empty() || told == there, "{told:?}\n{there:?}");
}
