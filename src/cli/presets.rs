use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::args::PresetAction;
use super::{Exit, Failure, print};
use crate::scenario::text::{nearest, printable, shortened};
use crate::scenario::{RETRY_PRESETS, Scenario, presets};

pub(super) fn presets(action: Option<PresetAction>) -> Result<Exit, Failure> {
    match action.unwrap_or(PresetAction::List) {
        PresetAction::List => {
            let mut text = String::new();
            for preset in presets::ALL {
                let about = Scenario::parse(preset.text)
                    .map_or_else(|_| String::new(), |scenario| scenario.about.clone());
                text.push_str(&format!("{}\n    {about}\n", preset.name));
            }
            text.push_str("\nRetry policies, which any client may have as its `retry`:\n\n");
            for preset in RETRY_PRESETS {
                text.push_str(&format!("{}\n    {}\n", preset.name, preset.about));
            }
            print(text.trim_end())?;
        }
        PresetAction::Show { name } => {
            let retry = RETRY_PRESETS.iter().find(|preset| preset.name == name);
            match (presets::find(&name), retry) {
                (None, Some(policy)) => print(policy.text)?,
                _ => print(find(&name)?.text)?,
            }
        }
        PresetAction::Copy { name, file } => {
            let preset = find(&name)?;
            let file = file.unwrap_or_else(|| PathBuf::from(format!("{name}.ron")));
            let mut created =
                std::fs::File::create_new(&file).map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => Failure::Input(format!(
                        "error: {} exists; name another file or remove it",
                        file.display()
                    )),
                    _ => Failure::Input(format!("error: cannot write {}: {error}", file.display())),
                })?;
            created
                .write_all(preset.text.as_bytes())
                .with_context(|| format!("cannot write {}", file.display()))?;
            print(&format!(
                "{} written; try: ratelab run {}",
                file.display(),
                file.display()
            ))?;
        }
    }
    Ok(Exit::Done)
}

fn find(name: &str) -> Result<&'static presets::Preset, Failure> {
    presets::find(name).ok_or_else(|| {
        let names = || presets::ALL.iter().map(|preset| preset.name);
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
        };
        Failure::Input(format!(
            "error: unknown preset \"{}\"\n  help: {help}",
            shortened(&printable(name), 60)
        ))
    })
}
