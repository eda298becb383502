use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::store::Store;
use super::{complain, memory};
use crate::experiment::{Observer, Question, Task, TaskId};
use crate::report::Timing;
use crate::sim::{EVENTS_PER_LOOK, Record};

/// Set when the user asks to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Before the first run has ended, nobody knows how long they take.
const BAR: &str = "{bar:30} {pos}/{len} runs, {msg}";
const BAR_WITH_TIME_LEFT: &str = "{bar:30} {pos}/{len} runs, {msg}, {eta} left";

fn set_template(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// Watches worlds being built, which takes seconds for millions of homes.
pub(super) struct Building {
    spinner: Option<ProgressBar>,
    plain: bool,
    quiet: bool,
    last_shown: Mutex<Instant>,
}

impl Building {
    pub(super) fn new(quiet: bool) -> Building {
        // A second press of Ctrl-C ends the program at once.
        let _ = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(super::Exit::Interrupted as i32);
            }
        });
        let terminal = std::io::stderr().is_terminal();
        Building {
            spinner: (terminal && !quiet).then(|| {
                let spinner = ProgressBar::new_spinner();
                spinner.set_draw_target(ProgressDrawTarget::stderr());
                spinner.set_message(BUILDING);
                spinner.enable_steady_tick(Duration::from_millis(200));
                spinner
            }),
            plain: !terminal && !quiet,
            quiet,
            last_shown: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

impl Observer for Building {
    /// Tells what may not be meant, and what will take long.
    fn weighed(&self, question: &Question) {
        if self.quiet {
            return;
        }
        let clear = || {
            for note in &question.notes {
                complain(&format!("note: {}: {note}", note.path()));
            }
            for line in question.outlook.in_words(question.threads()) {
                complain(&format!("note: {line}"));
            }
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(clear),
            None => clear(),
        }
    }

    fn should_stop(&self) -> bool {
        if self.plain
            && let Ok(mut last) = self.last_shown.try_lock()
            && last.elapsed() >= PLAIN_INTERVAL
        {
            *last = Instant::now();
            complain(BUILDING);
        }
        STOP.load(Ordering::Relaxed)
    }
}

const BUILDING: &str = "building homes and devices";
/// Where there is no terminal, so long passes from one line to the next.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Watches a study: draws its progress, measures its event loops, keeps its
/// records, and stops it when the user asks.
pub(super) struct Watch<'a> {
    bar: Option<ProgressBar>,
    plain: bool,
    tasks: u64,
    started: Instant,
    done: AtomicU64,
    /// Of tasks that have ended.
    events: AtomicU64,
    /// Those, and of tasks that are running.
    events_so_far: AtomicU64,
    loop_nanos: AtomicU64,
    loop_cpu_nanos: AtomicU64,
    /// Each with the time and its thread's processor time when its loop began.
    running: Mutex<Vec<(Task, Instant, Duration)>>,
    last_shown: Mutex<Instant>,
    store: Option<&'a Store>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        tasks: usize,
        done: usize,
        quiet: bool,
        store: Option<&'a Store>,
    ) -> Watch<'a> {
        let terminal = std::io::stderr().is_terminal();
        let tasks = tasks as u64;
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(tasks), ProgressDrawTarget::stderr());
            set_template(&bar, BAR);
            bar.set_position(done as u64);
            bar.set_message("starting");
            bar.enable_steady_tick(Duration::from_millis(500));
            bar.reset_eta();
            bar
        });
        Watch {
            bar,
            plain: !terminal && !quiet,
            tasks,
            started: Instant::now(),
            done: AtomicU64::new(done as u64),
            events: AtomicU64::new(0),
            events_so_far: AtomicU64::new(0),
            loop_nanos: AtomicU64::new(0),
            loop_cpu_nanos: AtomicU64::new(0),
            running: Mutex::new(Vec::new()),
            last_shown: Mutex::new(Instant::now()),
            store,
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// What the event loops that have ended took, and the process so far.
    pub(super) fn timing(&self) -> Timing {
        let seconds = |nanos: &AtomicU64| nanos.load(Ordering::Relaxed) as f64 / 1e9;
        Timing {
            events: self.events.load(Ordering::Relaxed),
            run_seconds: seconds(&self.loop_nanos),
            cpu_seconds: seconds(&self.loop_cpu_nanos),
            peak_rss_bytes: memory::peak_rss_bytes(),
        }
    }

    /// Shows how far it is, unless that was shown just now.
    fn show(&self) {
        let interval = match (&self.bar, self.plain) {
            (Some(_), _) => Duration::from_millis(200),
            (None, true) => PLAIN_INTERVAL,
            (None, false) => return,
        };
        let Ok(mut last) = self.last_shown.try_lock() else {
            return;
        };
        if last.elapsed() < interval {
            return;
        }
        *last = Instant::now();
        let events = self.events_so_far.load(Ordering::Relaxed) as f64;
        let rate = events / self.started.elapsed().as_secs_f64();
        let message = match events {
            0.0 => "setting timers".to_owned(),
            _ => format!("{:.1} million events/s", rate / 1e6),
        };
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => {
                let done = self.done.load(Ordering::Relaxed);
                complain(&format!("{done}/{} runs, {message}", self.tasks));
            }
        }
    }
}

/// The processor time of this thread; a task is begun and ended by the same.
fn thread_time() -> Duration {
    ThreadTime::try_now().map_or(Duration::ZERO, |time| time.as_duration())
}

impl Observer for Watch<'_> {
    fn loop_begins(&self, task: Task) {
        if let Ok(mut running) = self.running.lock() {
            running.push((task, Instant::now(), thread_time()));
        }
    }

    fn loop_goes_on(&self, events: u64) {
        self.events_so_far.fetch_add(events, Ordering::Relaxed);
        self.show();
    }

    fn task_ended(&self, task: Task, id: TaskId, record: &Record) {
        if let Ok(mut running) = self.running.lock()
            && let Some(place) = running.iter().position(|(other, ..)| *other == task)
        {
            let (_, began, cpu_began) = running.swap_remove(place);
            let add = |sum: &AtomicU64, time: Duration| {
                sum.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
            };
            add(&self.loop_nanos, began.elapsed());
            add(
                &self.loop_cpu_nanos,
                thread_time().saturating_sub(cpu_began),
            );
        }
        self.events.fetch_add(record.events, Ordering::Relaxed);
        if let Some(store) = self.store {
            store.log.keep(id, record);
        }
        let unseen = record.events % EVENTS_PER_LOOK;
        self.events_so_far.fetch_add(unseen, Ordering::Relaxed);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            set_template(bar, BAR_WITH_TIME_LEFT);
            bar.set_position(done);
        }
        self.show();
    }

    fn should_stop(&self) -> bool {
        self.show();
        STOP.load(Ordering::Relaxed)
    }
}
