//! Running the program, and scenarios small enough to be run hundreds of times.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use temp_dir::TempDir;

/// A folder of its own, in which the program is run.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        let done = Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert!(!done.err.contains("panicked"), "{}", done.err);
        done
    }
}

impl Done {
    /// The same, after a look at the exit code.
    pub(crate) fn exits(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// The JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The value of an estimand of the whole of a study of one policy.
    pub(crate) fn estimate(&self, name: &str) -> f64 {
        let document = self.json();
        let estimates = document["estimates"].as_array().unwrap();
        let is_it = |it: &&Value| it["name"] == name && it["by"] == serde_json::json!({});
        let value = estimates.iter().find(is_it).map(|it| it["value"].as_f64());
        value.flatten().unwrap_or_else(|| panic!("no {name}"))
    }

    pub(crate) fn result_hash(&self) -> String {
        self.json()["result_hash"].as_str().unwrap().to_owned()
    }
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = TempDir::new().unwrap();
        Place { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder or one inside it, in order.
    pub(crate) fn names(&self, inside: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(inside))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_ratelab")));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn ratelab(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    pub(crate) fn ratelab_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The program may refuse its arguments without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap().into()
    }

    /// Runs a scenario text without files and gives the JSON document.
    pub(crate) fn run(&self, text: &str, arguments: &[&str]) -> Done {
        self.write("s.ron", text);
        let common = ["run", "s.ron", "--no-files", "--format", "json", "--quiet"];
        self.ratelab(&[&common, arguments].concat())
    }
}

/// The text with `from` replaced, which must be there exactly once.
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replace(from, to)
}

/// A scenario with something of everything: two cohorts, polls, commands, open
/// and closed loads, a gate that waits, limits, a retry policy, two policies.
pub(crate) const SMALL: &str = r#"Scenario(
    name: "small",
    time: (length: "10min", drain: "10min"),
    cohorts: {
        "valve homes": (homes: 20, client: "hub", devices: [(kind: "valve", count: Exactly(2))]),
        "bare homes": (homes: 5, client: "script", app: Shared("cloud")),
    },
    clients: {
        "hub": (
            polls: [(method: "get", every: "30s", jitter: "5s")],
            commands: [(method: "set", at: Daily(time: "00:05", spread: "5s"), kinds: ["valve"], deadline: "1min")],
            timeout: "5s",
            retry: "soon",
        ),
        "script": (
            requests: [(method: "get", rate: "1/s")],
            loops: [(method: "put", think: Exponential(mean: "10s"))],
        ),
    },
    server: (
        stages: [
            Gate(permits: 3, max_wait: "500ms"),
            Limit(name: "user", per: [User], by: TokenBucket(rate: "1/s", burst: 5), methods: ["get"]),
            Limit(name: "app", per: [App], by: FixedWindow(quota: Fixed(40), window: "10s"), refuse: (code: 26)),
        ],
        backend: (service: Exponential(mean: "200ms")),
    ),
    retries: {"soon": Fixed(wait: "1s", attempts: 3)},
    study: (seed: 1, replications: 4, vary: {"clients.hub.retry": ["none", "soon"]}),
)
"#;
