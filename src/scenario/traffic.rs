use super::{Calls, Client, Clock, Cohort, CommandTimes, Guard, Per, Phase, Profile, Wakes};
use crate::overload::Criticality;
use crate::rng::Distribution;
use crate::units::{ClockTime, Probability, Rate, Span};

/// One entry of the traffic of a client, whichever of its lists it is in: when
/// requests come, apart from what they are.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    /// The list of the client that it is in.
    pub list: List,
    /// Its place in that list, from zero.
    pub index: usize,
    /// What it is called, if its method is not enough.
    pub name: Option<&'a str>,
    /// When requests come.
    pub when: When<'a>,
    /// What they are.
    pub what: What<'a>,
}

/// The lists of traffic that a client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Requests at regular intervals.
    Polls,
    /// Requests with a deadline.
    Commands,
    /// Requests at random times.
    Requests,
    /// Requests that each wait for the one before.
    Loops,
}

/// When the requests of a sender come.
#[derive(Debug, Clone, Copy)]
pub enum When<'a> {
    /// At regular intervals.
    Every(Every),
    /// Each day at a local time.
    Daily {
        /// The local time of day.
        time: ClockTime,
        /// The longest delay after it.
        spread: Span,
        /// The chance that a sender sends at all on a day.
        chance: Probability,
    },
    /// At the times of a Poisson process.
    Poisson {
        /// Its rate.
        rate: Rate,
        /// How that changes over the week.
        profile: &'a Profile,
    },
    /// A think time after the end of the one before.
    Closed(&'a Distribution),
}

/// The times of a poll.
#[derive(Debug, Clone, Copy)]
pub struct Every {
    /// The interval from one poll to the next.
    pub interval: Span,
    /// Each is uniform within the interval plus or minus this.
    pub jitter: Span,
    /// The client looks only once per tick whether a poll is due.
    pub tick: Option<Span>,
    /// When the first one comes.
    pub phase: Phase,
}

/// What a request is, whenever it comes.
#[derive(Debug, Clone, Copy)]
pub struct What<'a> {
    /// The method called.
    pub method: &'a str,
    /// Who sends, or is addressed.
    pub per: Per,
    /// The kinds of devices concerned; all, if absent.
    pub kinds: Option<&'a [String]>,
    /// When it must have been carried out: it is a command. A home sends those
    /// for its devices itself, all at once.
    pub deadline: Option<Span>,
    /// Whether a request starts although the one before has not ended.
    pub overlap: bool,
    /// How many requests each time.
    pub calls: Calls,
    /// When it wakes its device, if that is written.
    pub wakes: Option<Wakes>,
    /// How much it matters to a server that sheds load.
    pub criticality: Criticality,
    /// The name of its retry policy.
    pub retry: &'a str,
    /// Whether that is said of this entry, and not of its client.
    pub own_retry: bool,
    /// How long an attempt may take, if there is a limit.
    pub timeout: Option<Span>,
    /// Whether that is said of this entry, and not of its client.
    pub own_timeout: bool,
    /// The guards of its client.
    pub guards: &'a [Guard],
}

impl Client {
    /// All traffic of the client, list by list.
    pub fn traffic(&self) -> impl Iterator<Item = Traffic<'_>> {
        let polls = self
            .polls
            .iter()
            .enumerate()
            .map(move |(index, poll)| Traffic {
                list: List::Polls,
                index,
                name: poll.name.as_deref(),
                when: When::Every(poll.times()),
                what: What {
                    method: &poll.method,
                    per: poll.per,
                    kinds: None,
                    deadline: None,
                    overlap: poll.overlap,
                    calls: poll.calls,
                    wakes: poll.wakes,
                    criticality: poll.criticality,
                    retry: poll.retry.as_ref().unwrap_or(&self.retry),
                    own_retry: poll.retry.is_some(),
                    timeout: poll.timeout.or(self.timeout),
                    own_timeout: poll.timeout.is_some(),
                    guards: &self.guards,
                },
            });
        let commands = self
            .commands
            .iter()
            .enumerate()
            .map(move |(index, command)| Traffic {
                list: List::Commands,
                index,
                name: command.name.as_deref(),
                when: match &command.at {
                    CommandTimes::Daily { time, spread } => When::Daily {
                        time: *time,
                        spread: *spread,
                        chance: command.chance,
                    },
                    CommandTimes::Poisson { rate, profile } => When::Poisson {
                        rate: *rate,
                        profile,
                    },
                },
                what: What {
                    method: &command.method,
                    per: command.per,
                    kinds: command.kinds.as_deref(),
                    deadline: Some(command.deadline),
                    overlap: true,
                    calls: command.calls,
                    wakes: command.wakes,
                    criticality: command.criticality,
                    retry: command.retry.as_ref().unwrap_or(&self.retry),
                    own_retry: command.retry.is_some(),
                    timeout: command.timeout.or(self.timeout),
                    own_timeout: command.timeout.is_some(),
                    guards: &self.guards,
                },
            });
        let requests = self
            .requests
            .iter()
            .enumerate()
            .map(move |(index, request)| Traffic {
                list: List::Requests,
                index,
                name: request.name.as_deref(),
                when: When::Poisson {
                    rate: request.rate,
                    profile: &request.profile,
                },
                what: What {
                    method: &request.method,
                    per: request.per,
                    kinds: None,
                    deadline: None,
                    overlap: true,
                    calls: request.calls,
                    wakes: request.wakes,
                    criticality: request.criticality,
                    retry: request.retry.as_ref().unwrap_or(&self.retry),
                    own_retry: request.retry.is_some(),
                    timeout: request.timeout.or(self.timeout),
                    own_timeout: request.timeout.is_some(),
                    guards: &self.guards,
                },
            });
        let loops = self
            .loops
            .iter()
            .enumerate()
            .map(move |(index, closed)| Traffic {
                list: List::Loops,
                index,
                name: closed.name.as_deref(),
                when: When::Closed(&closed.think),
                what: What {
                    method: &closed.method,
                    per: closed.per,
                    kinds: None,
                    deadline: None,
                    overlap: true,
                    calls: Calls::default(),
                    wakes: closed.wakes,
                    criticality: closed.criticality,
                    retry: closed.retry.as_ref().unwrap_or(&self.retry),
                    own_retry: closed.retry.is_some(),
                    timeout: closed.timeout.or(self.timeout),
                    own_timeout: closed.timeout.is_some(),
                    guards: &self.guards,
                },
            });
        polls.chain(commands).chain(requests).chain(loops)
    }
}

impl List {
    /// The field of the client.
    pub fn name(self) -> &'static str {
        match self {
            List::Polls => "polls",
            List::Commands => "commands",
            List::Requests => "requests",
            List::Loops => "loops",
        }
    }
}

impl<'a> Traffic<'a> {
    /// Its path from the client.
    pub fn path(&self) -> String {
        format!("{}.{}", self.list.name(), self.index)
    }

    /// The field that says how often.
    pub fn pace(&self) -> &'static str {
        match self.list {
            List::Polls => "every",
            List::Commands => "at",
            List::Requests => "rate",
            List::Loops => "think",
        }
    }

    /// What it goes by among the entries of its list.
    pub fn called(&self) -> &'a str {
        self.name.unwrap_or(self.what.method)
    }

    /// Whether each request waits for the one before.
    pub fn is_closed(&self) -> bool {
        matches!(self.when, When::Closed(_))
    }

    /// The mean time from one request to the next in seconds, or from the end
    /// of one to the next; `None` for a schedule. A profile is left out.
    pub fn interval_secs(&self) -> Option<f64> {
        match self.when {
            When::Every(every) => Some(every.interval.secs_f64()),
            When::Poisson { rate, .. } => Some(rate.mean_interval_secs()),
            When::Closed(think) => Some(think.mean_secs()),
            When::Daily { .. } => None,
        }
    }

    /// By how much more than that is sent in the mean, over the whole run.
    pub(super) fn mean_factor(&self, clock: &Clock) -> f64 {
        match self.when {
            When::Poisson { profile, .. } if !profile.is_flat() => {
                profile.mean(&clock.zone, clock.start.0, clock.measured_until())
            }
            _ => 1.0,
        }
    }

    /// The tick at which the client looks whether a request is due.
    pub fn tick(&self) -> Option<Span> {
        match self.when {
            When::Every(every) => every.tick,
            _ => None,
        }
    }

    /// Whether all senders send some requests in the same moment.
    pub fn begins_at_once(&self) -> bool {
        match self.when {
            When::Every(every) => matches!(every.phase, Phase::At(_)) && every.jitter.is_zero(),
            When::Daily { spread, .. } => spread.is_zero(),
            When::Poisson { .. } | When::Closed(_) => false,
        }
    }

    /// Whether nothing of its times is left to chance.
    pub fn is_certain(&self) -> bool {
        let always = match self.when {
            When::Daily { chance, .. } => chance == Probability::ONE,
            _ => true,
        };
        // A closed loop starts somewhere in its think time.
        self.begins_at_once() && always
    }

    /// The senders of a cohort's homes, with the mean numbers of devices, and
    /// how many requests each sends at a time.
    pub fn senders(&self, cohort: &Cohort) -> (f64, f64) {
        let homes = f64::from(cohort.homes);
        let calls = f64::from(self.what.calls.count());
        match (self.what.per, self.what.by_home()) {
            (Per::Home, _) => (homes, calls),
            (Per::Device, true) => (homes, calls * cohort.mean_devices(self.what.kinds)),
            (Per::Device, false) => (homes * cohort.mean_devices(self.what.kinds), calls),
        }
    }
}

impl What<'_> {
    /// Whether a guard may end it before it is sent.
    pub fn is_dropped(&self) -> bool {
        let mut guards = self.guards.iter();
        guards.any(|guard| guard.drops() && guard.is_for(self.method))
    }

    /// Whether homes send, be it for themselves or for each of their devices.
    pub fn by_home(&self) -> bool {
        self.per == Per::Home || self.deadline.is_some()
    }

    /// When it wakes its device.
    pub fn wakes(&self) -> Wakes {
        let usual = match (self.per, self.deadline) {
            (Per::Home, _) => Wakes::Never,
            (Per::Device, Some(_)) => Wakes::EachExecution,
            (Per::Device, None) => Wakes::EachAttempt,
        };
        self.wakes.unwrap_or(usual)
    }
}

impl Cohort {
    /// The mean number of devices of a home that are of these kinds; of all, if
    /// absent.
    pub fn mean_devices(&self, kinds: Option<&[String]>) -> f64 {
        let concerned = |kind: &String| kinds.is_none_or(|kinds| kinds.contains(kind));
        (self.devices.iter())
            .filter(|devices| concerned(&devices.kind))
            .map(|devices| devices.count.mean())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::*;

    #[test]
    fn an_entry_says_what_its_client_says_unless_it_says_otherwise() {
        let text = r#"(
            polls: [(method: "a", every: "1s", retry: "none"), (method: "b", every: "1s", timeout: "9s")],
            commands: [(method: "c", at: Poisson(rate: "1/s"), deadline: "1s", retry: "often", timeout: "1s")],
            requests: [(method: "d", rate: "1/s", name: "other")],
            loops: [(method: "e", think: Constant("1s"), timeout: "1s", retry: "soon")],
            timeout: "5s", retry: "soon",
        )"#;
        let client: Client = parse(text).unwrap();
        let told: Vec<_> = client
            .traffic()
            .map(|entry| {
                let seconds = entry.what.timeout.unwrap().secs_f64();
                let own = (entry.what.own_retry, entry.what.own_timeout);
                (entry.path(), entry.called(), entry.what.retry, seconds, own)
            })
            .collect();
        let expected = [
            ("polls.0", "a", "none", 5.0, (true, false)),
            ("polls.1", "b", "soon", 9.0, (false, true)),
            ("commands.0", "c", "often", 1.0, (true, true)),
            ("requests.0", "other", "soon", 5.0, (false, false)),
            ("loops.0", "e", "soon", 1.0, (true, true)),
        ];
        let expected = expected.map(|(path, called, retry, seconds, own)| {
            (path.to_owned(), called, retry, seconds, own)
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn who_sends_is_told_by_what_is_sent() {
        let client: Client = parse(
            r#"(
                polls: [(method: "a", every: "1s"), (method: "a", every: "1s", per: Device)],
                commands: [
                    (method: "a", at: Poisson(rate: "1/s"), deadline: "1s", kinds: ["valve"]),
                    (method: "a", at: Poisson(rate: "1/s"), deadline: "1s", per: Home),
                ],
            )"#,
        )
        .unwrap();
        let cohort: Cohort = parse(
            r#"(homes: 10, client: "c", devices: [(kind: "valve", count: Exactly(3)), (kind: "hub", count: Exactly(1))])"#,
        )
        .unwrap();
        let told: Vec<_> = client
            .traffic()
            .map(|entry| (entry.senders(&cohort), entry.what.wakes()))
            .collect();
        let expected = [
            ((10.0, 1.0), Wakes::Never),
            ((40.0, 1.0), Wakes::EachAttempt),
            ((10.0, 3.0), Wakes::EachExecution),
            ((10.0, 1.0), Wakes::Never),
        ];
        assert_eq!(told, expected);
    }
}
