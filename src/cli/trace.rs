//! What happens to the requests of one home, one after the other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{BufWriter, Write};

use serde_json::{Value, json};

use super::args::{Steps, TraceFlags};
use super::input::{Input, Setting};
use super::{Exit, Failure, complain, memory, rounded, seconds};
use crate::scenario::text::{nearest, printable};
use crate::scenario::{Scenario, Variants};
use crate::server::Told;
use crate::sim::{RequestId, Step, Stopped, What, trace as run};
use crate::units::Time;
use crate::world::{NO_DEVICE, Outline, World, WorldError};

pub(super) fn trace(flags: &TraceFlags) -> Result<Exit, Failure> {
    let mut set = Setting::all(&flags.set);
    set.extend((flags.seed).map(|seed| Setting::flag("--seed", "study.seed", seed)));
    let input = Input::read(Some(&flags.scenario), &set)?;
    let variants = input
        .source
        .variants()
        .map_err(|problems| input.failure(&problems))?;
    let (number, name) = cell(&variants, flags.cell.as_deref())?;
    let variant = variants.get(number).ok_or_else(|| {
        Failure::Machine(anyhow::anyhow!("the cell {number} cannot be made again"))
    })?;
    let scenario = &variant.scenario;
    if u64::from(flags.home) > scenario.homes() {
        return Err(Failure::Input(no_such_home(scenario, flags.home)));
    }
    let seed = scenario.study.seed;
    let world = World::compile(scenario, seed, flags.replication);
    let world = world.map_err(|error: WorldError| input.complaint(error.to_string()))?;
    if !flags.quiet {
        let others = match variants.len() {
            1 => String::new(),
            many => format!("\"{}\", one of {many} cells (--cell), ", printable(name)),
        };
        complain(&format!(
            "{}, {others}replication {}, seed {seed}",
            home_in_words(&world, flags.home - 1),
            flags.replication
        ));
    }
    let printer = RefCell::new(Printer::new(&world, scenario, flags.format));
    let (failed, told) = (RefCell::new(None), Cell::new(false));
    let tell = |step: &Step| {
        told.set(true);
        if failed.borrow().is_none()
            && let Err(error) = printer.borrow_mut().step(step)
        {
            *failed.borrow_mut() = Some(error);
        }
    };
    let room = memory::usable().map_or(usize::MAX, |bytes| bytes as usize);
    let stop = || failed.borrow().is_some();
    let done = run(
        &world,
        seed,
        flags.replication,
        (flags.home - 1, room),
        tell,
        &stop,
    );
    let flushed = printer.borrow_mut().out.flush();
    if let Some(error) = failed.into_inner() {
        return Err(error.into());
    }
    flushed?;
    match done {
        Err(stopped @ Stopped::NoRoom(_)) => Err(input.complaint(stopped.to_string())),
        Err(Stopped::Asked) | Ok(_) => {
            if !told.get() && !flags.quiet {
                complain("note: nothing happens to this home");
            }
            Ok(Exit::Done)
        }
    }
}

/// The cell of a study that has that name, or number from 0.
fn cell<'v>(variants: &'v Variants, wanted: Option<&str>) -> Result<(usize, &'v str), Failure> {
    let names = variants.names();
    let found = match wanted {
        None => Some(0),
        Some(wanted) => (names.iter().position(|name| name == wanted))
            .or_else(|| wanted.parse().ok().filter(|number| *number < names.len())),
    };
    if let Some(number) = found {
        return Ok((number, names[number].as_str()));
    }
    let wanted = wanted.unwrap_or_default();
    let help = match nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{}\"?", printable(near)),
        None => {
            let known: Vec<_> = (names.iter().take(12))
                .map(|name| format!("\"{}\"", printable(name)))
                .collect();
            let more = if names.len() > known.len() {
                ", ..."
            } else {
                ""
            };
            format!(
                "known: {}{more}; or a number from 0 to {}",
                known.join(", "),
                names.len() - 1
            )
        }
    };
    Err(Failure::Input(format!(
        "error: --cell: the study has no cell \"{}\"\n  help: {help}",
        printable(wanted)
    )))
}

fn no_such_home(scenario: &Scenario, home: u32) -> String {
    let mut first = 1;
    let mut cohorts = Vec::new();
    for (name, cohort) in scenario.cohorts.iter() {
        let last = first + u64::from(cohort.homes) - 1;
        let homes = match first == last {
            true => format!("{first} is"),
            false => format!("{first} to {last} are"),
        };
        cohorts.push(format!("{homes} \"{}\"", printable(name)));
        first = last + 1;
    }
    format!(
        "error: --home: there is no home {home}; {}",
        cohorts.join(", ")
    )
}

/// A home, counted from 0 over all cohorts, and the devices in it.
fn home_in_words(world: &World, home: u32) -> String {
    let cohorts = &world.population.cohorts;
    let is_it = |of: &&crate::world::CohortHomes| home - of.first_home < of.homes;
    let Some(cohort) = cohorts
        .iter()
        .rev()
        .filter(|of| of.first_home <= home)
        .find(is_it)
    else {
        return format!("home {}", home + 1);
    };
    let devices = cohort.groups.iter().filter_map(|group| {
        let count = group.layout.devices(home - cohort.first_home).len();
        (count > 0).then(|| format!("{count} × {}", printable(&group.kind)))
    });
    let devices: Vec<String> = devices.collect();
    let devices = match devices.is_empty() {
        true => String::new(),
        false => format!(" with {}", devices.join(", ")),
    };
    format!(
        "home {} of \"{}\"{devices}",
        home + 1,
        printable(&cohort.name)
    )
}

/// Writes steps to standard output as they come.
struct Printer<'w> {
    out: BufWriter<std::io::Stdout>,
    world: &'w World,
    outline: Outline,
    scenario: &'w Scenario,
    format: Steps,
    /// The requests by what tells them apart: which it is, from 1, and since when.
    requests: HashMap<RequestId, (u64, Time)>,
    /// The day that was last written.
    day: String,
}

impl<'w> Printer<'w> {
    fn new(world: &'w World, scenario: &'w Scenario, format: Steps) -> Printer<'w> {
        let mut outline = world.outline();
        Outline::name_failures([&mut outline]);
        Printer {
            out: BufWriter::new(std::io::stdout()),
            world,
            outline,
            scenario,
            format,
            requests: HashMap::new(),
            day: String::new(),
        }
    }

    fn step(&mut self, step: &Step) -> std::io::Result<()> {
        let next = self.requests.len() as u64 + 1;
        let (number, due) = *self.requests.entry(step.request).or_insert((next, step.at));
        match self.format {
            Steps::Json => {
                let line = self.in_json(step, number, due);
                writeln!(self.out, "{line}")
            }
            Steps::Text => self.in_text(step, number, due),
        }
    }

    fn in_text(&mut self, step: &Step, number: u64, due: Time) -> std::io::Result<()> {
        let (day, time) = self.local(step.at);
        if day != self.day {
            let first = match self.day.is_empty() {
                true => format!(
                    "{:15}  {:>7}  {:>7}  {:24}  what happens\n",
                    "time", "request", "attempt", "of"
                ),
                false => String::new(),
            };
            writeln!(self.out, "{first}{day}")?;
            self.day = day;
        }
        let attempt = match step.attempt {
            0 => String::new(),
            attempt => attempt.to_string(),
        };
        let of = self.of(&step.request);
        let what = self.in_words(step, due);
        writeln!(
            self.out,
            "{time}  {number:>7}  {attempt:>7}  {of:24}  {what}"
        )
    }

    /// The day and the time of day, to the microsecond.
    fn local(&self, time: Time) -> (String, String) {
        let local = self.scenario.time.zone.rfc3339(time);
        let (day, rest) = local.split_once('T').unwrap_or((&local, ""));
        let clock: String = rest.chars().take(8).collect();
        let micros = time.since(Time::EPOCH).nanos() % 1_000_000_000 / 1000;
        (day.to_owned(), format!("{clock}.{micros:06}"))
    }

    /// The method, and the device among those of its kind in the home, from 1.
    fn of(&self, request: &RequestId) -> String {
        let stream = &self.world.streams[usize::from(request.stream)];
        let method = printable(&self.world.methods[stream.method]);
        match self.device(request) {
            Some((kind, number)) => format!("{method} {} {number}", printable(kind)),
            None => method.into_owned(),
        }
    }

    fn device(&self, request: &RequestId) -> Option<(&'w str, u32)> {
        let stream = &self.world.streams[usize::from(request.stream)];
        let group = stream
            .devices
            .as_ref()
            .filter(|_| request.device != NO_DEVICE)?;
        let devices = group.layout.devices(request.home - stream.first_home);
        let number = request.device - group.first_device - devices.start + 1;
        Some((&group.kind, number))
    }

    fn stage(&self, stage: u8) -> &str {
        &self.outline.stages[usize::from(stage)].name
    }

    fn guard(&self, guard: u16) -> &'static str {
        self.world.guards[usize::from(guard)].kind
    }

    fn in_words(&self, step: &Step, due: Time) -> String {
        let named = |stage: u8| format!("\"{}\"", printable(self.stage(stage)));
        let clock = |time: Time| self.local(time).1;
        let since = rounded(step.at.since(due));
        match step.what {
            What::Due => "is due".to_owned(),
            What::Skipped(1) => "is skipped: the one before has not ended".to_owned(),
            What::Skipped(calls) => {
                format!("{calls} calls are skipped: those before have not ended")
            }
            What::Sent { gateway } => match self.world.server.replicas {
                Some(_) => format!("is sent, by way of gateway {}", gateway + 1),
                None => "is sent".to_owned(),
            },
            What::Passes(stage) => format!("passes {}", named(stage)),
            What::Waits { stage, until } if until == Time::MAX => {
                format!("waits at {}", named(stage))
            }
            What::Waits { stage, until } => {
                format!("waits at {}, at most until {}", named(stage), clock(until))
            }
            What::Delayed { stage, until } => {
                format!("is delayed by {} until {}", named(stage), clock(until))
            }
            What::Begins { until } => format!("is worked on until {}", clock(until)),
            What::Refused { stage, told } => {
                let answer = &self.outline.stages[usize::from(stage)].response;
                let code = answer
                    .code
                    .map_or(String::new(), |code| format!(" code {code}"));
                let status = answer.status;
                format!(
                    "is refused by {}: {status}{code}{}",
                    named(stage),
                    told_in_words(told)
                )
            }
            What::TimesOut => "is not waited for any longer".to_owned(),
            What::Waiting { wait } => {
                format!(
                    "is tried again in {}, at {}",
                    rounded(wait),
                    clock(step.at + wait)
                )
            }
            What::Denied => {
                "is not tried again: the budget of retries does not allow it".to_owned()
            }
            What::Held { guard, until } => {
                format!(
                    "is held back by the {} until {}",
                    self.guard(guard),
                    clock(until)
                )
            }
            What::Dropped { guard } => format!("is not sent: the {} says no", self.guard(guard)),
            What::GivesUp => format!("is given up after {since}"),
            What::Executed { heard: true } => format!("succeeds after {since}"),
            What::Executed { heard: false } => {
                format!("is carried out after {since}, which nobody waits for")
            }
        }
    }

    fn in_json(&self, step: &Step, number: u64, due: Time) -> Value {
        let stream = &self.world.streams[usize::from(step.request.stream)];
        let device = self.device(&step.request);
        let mut line = json!({
            "time": self.scenario.time.zone.rfc3339(step.at),
            "at_s": seconds(step.at.since(self.world.clock.start)),
            "request": number,
            "method": self.world.methods[stream.method],
            "kind": device.map(|(kind, _)| kind),
            "device": device.map(|(_, number)| number),
            "attempt": (step.attempt > 0).then_some(step.attempt),
        });
        let until =
            |time: Time| (time < Time::MAX).then(|| seconds(time.since(self.world.clock.start)));
        let since = seconds(step.at.since(due));
        let more = match step.what {
            What::Due => json!({"what": "due"}),
            What::Skipped(calls) => json!({"what": "skipped", "calls": calls}),
            What::Sent { gateway } => match self.world.server.replicas {
                Some(_) => json!({"what": "sent", "gateway": gateway + 1}),
                None => json!({"what": "sent"}),
            },
            What::Passes(stage) => json!({"what": "passes", "stage": self.stage(stage)}),
            What::Waits { stage, until: end } => {
                json!({"what": "waits", "stage": self.stage(stage), "until_s": until(end)})
            }
            What::Delayed { stage, until: end } => {
                json!({"what": "delayed", "stage": self.stage(stage), "until_s": until(end)})
            }
            What::Begins { until: end } => json!({"what": "begins", "until_s": until(end)}),
            What::Refused { stage, told } => {
                let answer = &self.outline.stages[usize::from(stage)].response;
                json!({
                    "what": "refused",
                    "stage": self.stage(stage),
                    "status": answer.status,
                    "code": answer.code,
                    "retry_after_s": told.retry_after.map(seconds),
                    "reset_s": told.reset.map(seconds),
                })
            }
            What::TimesOut => json!({"what": "times_out"}),
            What::Waiting { wait } => json!({"what": "retries", "wait_s": seconds(wait)}),
            What::Denied => json!({"what": "denied"}),
            What::Held { guard, until: end } => {
                json!({"what": "held", "guard": self.guard(guard), "until_s": until(end)})
            }
            What::Dropped { guard } => json!({"what": "dropped", "guard": self.guard(guard)}),
            What::GivesUp => json!({"what": "gives_up", "after_s": since}),
            What::Executed { heard: true } => json!({"what": "succeeds", "after_s": since}),
            What::Executed { heard: false } => json!({"what": "executed_late", "after_s": since}),
        };
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        line
    }
}

fn told_in_words(told: Told) -> String {
    match (told.retry_after, told.reset) {
        (Some(wait), _) => format!(", Retry-After {}", rounded(wait)),
        (None, Some(reset)) => format!(", reset in {}", rounded(reset)),
        (None, None) => String::new(),
    }
}
