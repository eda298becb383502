//! What the README and the book say, held against the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use ratelab::cli::Exit;
use ratelab::scenario::text::{SourceTree, set};
use ratelab::scenario::{Estimand, Quantity, Source, presets};
use temp_dir::TempDir;

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
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let units: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth_back(1))
        .map(str::trim)
        .collect();
    let unit = |estimand: Estimand| match estimand.quantity() {
        Quantity::Probability => "share",
        Quantity::Seconds => "time",
        Quantity::PerSecond => "per second",
        Quantity::PerDay => "per day",
        Quantity::Ratio => "ratio",
        Quantity::Count => "number",
    };
    assert_eq!(units, Estimand::all().map(unit).collect::<Vec<_>>());
    // Names elsewhere, by the shapes that only they have.
    for (name, page) in pages() {
        for word in quoted(&page) {
            let prefixes = [
                "p429.",
                "p_",
                "latency.",
                "completion.",
                "staleness.",
                "fairness.",
                "first_refusal.",
                "peak_to_mean.",
                "wakeups.",
                "utilisation.",
                "wait.gate",
            ];
            if prefixes.iter().any(|prefix| word.starts_with(prefix)) && !word.contains(' ') {
                // All percentiles of a time may be named at once.
                let is_of = |known: &&str| {
                    known
                        .strip_prefix(word)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(".p"))
                };
                assert!(known.iter().any(is_of), "{name}: {word}");
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
    let mut told = flags(&first_cells(&page, "flag of `trace`").join(" "));
    told.insert("help".to_owned());
    assert_eq!(told, flags(&help("trace")));

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
    let folder = TempDir::new().unwrap();
    let mine = folder.path().join("my.ron");
    std::fs::write(&mine, presets::find("netatmo").unwrap().text).unwrap();
    let known = flags(&help("run"));
    let mut checked = 0;
    for (name, page) in pages() {
        // Those are run in full, on the scenarios of their page.
        if name.ends_with("recipes.md") {
            continue;
        }
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
            if words[0] == "trace" {
                let mut trace = ratelab();
                let arguments = words.iter().take_while(|word| *word != "|");
                trace.current_dir(folder.path()).args(arguments);
                assert!(trace.output().unwrap().status.success(), "{name}: {line}");
                checked += 1;
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
            if words[1].starts_with("scenarios/validation")
                || words[1].starts_with("scenarios/cases")
            {
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
    let folder = TempDir::new().unwrap();
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
    let vary = r#"study.vary={"clients.app.polls.0.every": ["60s", "90s"]}"#;
    let run = json(&["run", "--no-files", "--replications", "2", "--set", vary]);
    assert_eq!(keys(&run), told("field of `run`"));
    assert_eq!(keys(&run["estimates"][0]), told("field of an estimate"));
    assert_eq!(keys(&run["differences"][0]), told("field of a difference"));
    assert_eq!(keys(&json(&["check"])), told("field of `check`"));
}

/// The lines of a page that stand in no code block.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    page.lines().filter(move |line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// The anchors of the headings of a page, as mdBook and GitHub make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let anchor: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " _-".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        // Of headings with one text, all but the first are numbered.
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone())
            .chain(numbered)
            .find(|one| !anchors.contains(one));
        anchors.extend(free);
    }
    anchors
}

/// What is wrong with a relative link or picture of a page, if anything. The built book has only what lies in `inside`.
fn wrong_with(target: &str, page: &Path, inside: Option<&Path>) -> Option<String> {
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    let leads_to = match file {
        "" => page.to_owned(),
        file => page.parent()?.join(file),
    };
    let Ok(leads_to) = leads_to.canonicalize() else {
        return Some(format!("{target}: there is no such file"));
    };
    if inside.is_some_and(|folder| !leads_to.starts_with(folder.canonicalize().unwrap())) {
        return Some(format!("{target}: is not in the built book"));
    }
    let anchor = anchor?;
    let there = anchors(&read(&leads_to));
    (!there.contains(anchor)).then(|| format!("{target}: no such heading, of {there:?}"))
}

#[test]
fn links_and_pictures_lead_somewhere() {
    let source = root().join("book/src");
    let mut wrong = Vec::new();
    let mut links = 0;
    for (name, page) in pages() {
        let file = Path::new(&name);
        let inside = file.starts_with(&source).then_some(source.as_path());
        let text: Vec<&str> = prose(&page).collect();
        for target in text.join("\n").split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if !target.contains("://") {
                links += 1;
                wrong.extend(wrong_with(target, file, inside).map(|why| format!("{name}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(links >= 80, "{links}");
    let summary = chapter("SUMMARY.md");
    for entry in std::fs::read_dir(source).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            !file.ends_with(".md")
                || file == "SUMMARY.md"
                || summary.contains(&format!("({file})")),
            "{file} is in no summary"
        );
    }
}

#[test]
fn links_that_the_built_book_would_not_have_are_told() {
    let source = root().join("book/src");
    let page = source.join("scenario.md");
    let cases = [
        ("limits.md", None),
        ("limits.md#answers", None),
        ("#study", None),
        ("limit.md", Some("no such file")),
        ("limits.md#answer", Some("no such heading")),
        ("#studies", Some("no such heading")),
        (
            "../../scenarios/limiters.ron",
            Some("not in the built book"),
        ),
        ("../../CHANGELOG.md", Some("not in the built book")),
    ];
    for (target, expected) in cases {
        let told = wrong_with(target, &page, Some(&source));
        match expected {
            None => assert_eq!(told, None),
            Some(part) => assert!(told.is_some_and(|told| told.contains(part)), "{target}"),
        }
    }
    let changes = root().join("README.md");
    assert_eq!(wrong_with("CHANGELOG.md", &changes, None), None);
    let twice = anchors("# On `x`\n## One, two\n```sh\n# no\n```\n## One, two");
    assert_eq!(
        twice.into_iter().collect::<Vec<_>>(),
        ["on-x", "one-two", "one-two-1"]
    );
}

/// The code blocks of a page in their order: the line before, the info string, the body.
fn blocks_in_order(page: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').unwrap();
        let (body, after) = after.split_once("\n```").unwrap();
        let line = before.trim_end().lines().next_back().unwrap_or_default();
        found.push((line, info.trim(), body));
        rest = after;
    }
    found
}

/// The same text with one space for every run of blanks.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Scenarios are saved under the name above them, commands run line by line or, where lines belong together, as one script,
/// exit codes are those told behind them, and each line of a text is in what the commands before it printed.
#[cfg(unix)]
#[test]
fn the_recipes_do_what_they_say() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("scenarios")).unwrap();
    let log = "scenarios/access.log";
    std::fs::copy(root().join(log), here.join(log)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ratelab")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.display());
    let run = |script: &str| -> (String, Option<i32>) {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .current_dir(here)
            .env("PATH", &path);
        let output = shell.env_remove("COLUMNS").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("panicked"), "{script}\n{told}");
        let printed = String::from_utf8(output.stdout).unwrap();
        (format!("{printed}{told}"), output.status.code())
    };

    let page = chapter("recipes.md");
    let (mut saved, mut commands, mut lines) = (0, 0, 0);
    let mut printed = String::new();
    for (before, info, body) in blocks_in_order(&page) {
        match info {
            "ron" => {
                let file = quoted(before).last().unwrap_or_default();
                assert!(file.ends_with(".ron"), "{before}\n{body}");
                std::fs::write(here.join(file), body).unwrap();
                saved += 1;
            }
            "sh" => {
                printed.clear();
                let scripts: Vec<&str> = match body.contains("\ncase ") {
                    true => vec![body],
                    false => body.lines().collect(),
                };
                for script in scripts {
                    let expected = script.split_once("# exit code ");
                    let expected = expected.map_or(0, |(_, code)| code.trim().parse().unwrap());
                    let (told, code) = run(script);
                    assert_eq!(code, Some(expected), "{script}\n{told}");
                    printed.push_str(&told);
                    commands += 1;
                }
            }
            "text" => {
                let printed = squeezed(&printed);
                for line in body.lines() {
                    assert!(
                        printed.contains(&squeezed(line)),
                        "{line}\nis not in\n{printed}"
                    );
                    lines += 1;
                }
            }
            // A table, and in double quotes the columns of it, or a condition with its values in single quotes.
            "python" => {
                let (files, texts): (Vec<&str>, Vec<&str>) = body
                    .split('"')
                    .skip(1)
                    .step_by(2)
                    .partition(|text| text.ends_with(".csv"));
                let table = read(&here.join(files[0]));
                let cells: BTreeSet<&str> = table.split([',', '\n']).collect();
                let told = texts.iter().flat_map(|text| text.split('\'').enumerate());
                for (number, part) in told {
                    let words = match number % 2 {
                        0 => part.split_whitespace().collect(),
                        _ => vec![part],
                    };
                    for word in words.iter().filter(|word| !["==", "and"].contains(word)) {
                        assert!(cells.contains(word), "{word} is not in {}", files[0]);
                    }
                }
            }
            other => panic!("a block of another kind: {other}"),
        }
    }
    assert!(
        saved >= 4 && commands >= 12 && lines >= 20,
        "{saved} {commands} {lines}"
    );
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
