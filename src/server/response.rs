use serde::{Deserialize, Deserializer, Serialize};

use crate::limiter::Standing;
use crate::units::{Span, Time};

/// The answer to a refused attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The code in the body, if there is one.
    pub code: Option<u32>,
    /// What the Retry-After header says.
    pub retry_after: RetryAfter,
    /// The dialect of the fields that tell the quota and its reset, if there
    /// are any.
    pub rate_limit: Option<RateLimitFields>,
}

impl Response {
    /// An answer with that status that tells nothing else.
    pub const fn of_status(status: u16) -> Response {
        Response {
            status,
            code: None,
            retry_after: RetryAfter::Absent,
            rate_limit: None,
        }
    }

    /// Reads one whose status is `STATUS` unless another is written.
    ///
    /// # Errors
    /// If it is no answer.
    pub fn read<'de, D: Deserializer<'de>, const STATUS: u16>(
        deserializer: D,
    ) -> Result<Response, D::Error> {
        let Written::<STATUS> {
            status,
            code,
            retry_after,
            rate_limit,
        } = Written::deserialize(deserializer)?;
        Ok(Response {
            status,
            code,
            retry_after,
            rate_limit,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename = "Response", deny_unknown_fields)]
struct Written<const STATUS: u16> {
    #[serde(default = "usual::<STATUS>")]
    status: u16,
    #[serde(default)]
    code: Option<u32>,
    #[serde(default)]
    retry_after: RetryAfter,
    #[serde(default)]
    rate_limit: Option<RateLimitFields>,
}

fn usual<const STATUS: u16>() -> u16 {
    STATUS
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Response, D::Error> {
        Response::read::<D, 429>(deserializer)
    }
}

impl Default for Response {
    fn default() -> Response {
        Response::of_status(429)
    }
}

/// What the Retry-After header of a refusal says. All but `Precise` come in
/// whole seconds, as RFC 9110, section 10.2.3 has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RetryAfter {
    /// There is no such header.
    #[default]
    Absent,
    /// The whole seconds, rounded up, after which the limit would admit the
    /// same request if nobody else took the place.
    Exact,
    /// The same moment as an HTTP date: rounded up to a whole second of the
    /// clock.
    Date,
    /// The same to the nanosecond, as google.rpc.RetryInfo can tell it.
    Precise,
    /// Always the same.
    Fixed(Span),
    /// Wrong: so much too short.
    Early(Span),
    /// Wrong: so much too long.
    Late(Span),
}

/// The names and meaning of the fields that tell a client where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateLimitFields {
    /// `RateLimit-Policy` and `RateLimit` with the seconds left
    /// (draft-ietf-httpapi-ratelimit-headers-10).
    Draft10,
    /// One field `RateLimit` with `limit`, `remaining` and the seconds left in
    /// `reset` (draft 7).
    Draft7,
    /// `RateLimit-Limit`, `-Remaining` and `-Reset` in seconds left (draft 6).
    Draft6,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` in seconds since the
    /// epoch (GitHub, X).
    XEpoch,
    /// The same names with the seconds left.
    XSeconds,
}

/// What an answer tells a client of when to come again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// The Retry-After header.
    pub retry_after: Option<Span>,
    /// The reset of the quota, as the client reads it.
    pub reset: Option<Span>,
}

impl Response {
    /// What it tells at `now`, where the limit knows the `exact` wait and how
    /// long until its budget resets.
    #[inline]
    pub fn told(&self, now: Time, exact: Option<Span>, reset: impl Fn() -> Option<Span>) -> Told {
        let reset = match self.rate_limit {
            Some(fields) => reset().map(|reset| fields.reset_told(now, reset)),
            None => None,
        };
        Told {
            retry_after: self.retry_after.told(now, exact),
            reset,
        }
    }
}

impl RetryAfter {
    /// The wait that the header tells at `now`, if the true one is `exact`.
    #[inline]
    pub fn told(self, now: Time, exact: Option<Span>) -> Option<Span> {
        match self {
            RetryAfter::Absent => None,
            RetryAfter::Exact => exact.map(Span::ceil_secs),
            RetryAfter::Date => exact.map(|exact| to_whole_second(now, exact)),
            RetryAfter::Precise => exact,
            RetryAfter::Fixed(span) => Some(span),
            RetryAfter::Early(by) => exact.map(|exact| exact.saturating_sub(by).ceil_secs()),
            RetryAfter::Late(by) => exact.map(|exact| (exact + by).ceil_secs()),
        }
    }

    /// Whether it depends on the limit's knowing when it would admit.
    pub fn needs_exact(self) -> bool {
        !matches!(self, RetryAfter::Absent | RetryAfter::Fixed(_))
    }
}

/// From `now` to the first whole second of the clock at `span` or later.
fn to_whole_second(now: Time, span: Span) -> Span {
    const SECOND: u64 = 1_000_000_000;
    let moment = (now + span).nanos();
    Time::from_nanos(moment.div_ceil(SECOND).saturating_mul(SECOND)).since(now)
}

impl RateLimitFields {
    /// How long until the reset, as a client with a right clock reads it.
    pub fn reset_told(self, now: Time, reset: Span) -> Span {
        match self {
            RateLimitFields::XEpoch => to_whole_second(now, reset),
            _ => reset.ceil_secs(),
        }
    }

    /// The fields of an answer at `now`: the quota of a limit, the window that it
    /// is for, and where the key stands. No more is told to remain than the
    /// quota, although with a queue more may come. `None` if the limit has no
    /// quota to tell; a reset that it cannot tell is left out.
    pub fn lines(self, window: Option<Span>, standing: Standing, now: Time) -> Option<String> {
        let quota = standing.quota?;
        let left = standing.remaining?.min(quota);
        let reset = standing
            .reset_after
            .map(|reset| self.reset_told(now, reset));
        let told = |before: &str| match (self, reset) {
            (_, None) => String::new(),
            (RateLimitFields::XEpoch, Some(reset)) => {
                format!("{before}{}", (now + reset).nanos() / 1_000_000_000)
            }
            (_, Some(reset)) => format!("{before}{}", whole_seconds(reset)),
        };
        Some(match self {
            RateLimitFields::Draft10 => {
                let window = window.map_or(String::new(), |window| {
                    format!(";w={}", whole_seconds(window.ceil_secs()))
                });
                let reset = told(";t=");
                format!(
                    "RateLimit-Policy: \"default\";q={quota}{window}, RateLimit: \"default\";r={left}{reset}"
                )
            }
            RateLimitFields::Draft7 => {
                let reset = told(", reset=");
                format!("RateLimit: limit={quota}, remaining={left}{reset}")
            }
            RateLimitFields::Draft6 => {
                let reset = told(", RateLimit-Reset: ");
                format!("RateLimit-Limit: {quota}, RateLimit-Remaining: {left}{reset}")
            }
            RateLimitFields::XSeconds | RateLimitFields::XEpoch => {
                let reset = told(", X-RateLimit-Reset: ");
                format!("X-RateLimit-Limit: {quota}, X-RateLimit-Remaining: {left}{reset}")
            }
        })
    }
}

fn whole_seconds(span: Span) -> u64 {
    span.nanos() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_told_as_the_header_can() {
        let now = Time::from_millis(10_400);
        let exact = Span::from_millis(2_100);
        for (header, millis) in [
            (RetryAfter::Absent, None),
            (RetryAfter::Exact, Some(3_000)),
            // 12.5 s becomes 13 s on the clock.
            (RetryAfter::Date, Some(2_600)),
            (RetryAfter::Precise, Some(2_100)),
            (RetryAfter::Fixed(Span::from_secs(30)), Some(30_000)),
            (RetryAfter::Early(Span::from_secs(2)), Some(1_000)),
            (RetryAfter::Early(Span::from_secs(9)), Some(0)),
            (RetryAfter::Late(Span::from_secs(60)), Some(63_000)),
        ] {
            assert_eq!(
                header.told(now, Some(exact)),
                millis.map(Span::from_millis),
                "{header:?}"
            );
        }
        assert_eq!(RetryAfter::Exact.told(now, None), None);
        let _ = RetryAfter::Date.told(Time::MAX, Some(Span::MAX));
    }

    #[test]
    fn the_fields_are_spelt_as_each_dialect_does() {
        let standing = Standing::of(50, 7, Span::from_millis(29_100));
        let now = Time::from_millis(1_700_000_000_500);
        let window = Some(Span::from_secs(60));
        for (fields, expected) in [
            (
                RateLimitFields::Draft10,
                r#"RateLimit-Policy: "default";q=50;w=60, RateLimit: "default";r=7;t=30"#,
            ),
            (
                RateLimitFields::Draft7,
                "RateLimit: limit=50, remaining=7, reset=30",
            ),
            (
                RateLimitFields::Draft6,
                "RateLimit-Limit: 50, RateLimit-Remaining: 7, RateLimit-Reset: 30",
            ),
            (
                RateLimitFields::XSeconds,
                "X-RateLimit-Limit: 50, X-RateLimit-Remaining: 7, X-RateLimit-Reset: 30",
            ),
            (
                RateLimitFields::XEpoch,
                "X-RateLimit-Limit: 50, X-RateLimit-Remaining: 7, X-RateLimit-Reset: 1700000030",
            ),
        ] {
            let lines = fields.lines(window, standing, now);
            assert_eq!(lines.as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_fields_tell_what_there_is_to_tell() {
        let draft = RateLimitFields::Draft10;
        let standing = Standing::of(5, 9, Span::ZERO);
        let unknown = Standing {
            reset_after: None,
            ..standing
        };
        let unbounded = Standing {
            quota: None,
            remaining: None,
            ..standing
        };
        for (standing, expected) in [
            // More may wait than pass at once.
            (
                standing,
                Some(r#"RateLimit-Policy: "default";q=5, RateLimit: "default";r=5;t=0"#),
            ),
            (
                unknown,
                Some(r#"RateLimit-Policy: "default";q=5, RateLimit: "default";r=5"#),
            ),
            (unbounded, None),
        ] {
            let lines = draft.lines(None, standing, Time::EPOCH);
            assert_eq!(lines.as_deref(), expected);
        }
    }

    #[test]
    fn who_waits_the_told_seconds_has_waited_long_enough() {
        let all = [
            RateLimitFields::Draft10,
            RateLimitFields::Draft7,
            RateLimitFields::Draft6,
            RateLimitFields::XSeconds,
            RateLimitFields::XEpoch,
        ];
        for (now, reset) in [(0, 1), (1, 999_999_999), (7, 10_000_000_001), (3, 0)] {
            for fields in all {
                let reset = Span::from_nanos(reset);
                let told = fields.reset_told(Time::from_nanos(now), reset);
                let late = told.saturating_sub(reset);
                assert!(told >= reset && late < Span::from_secs(1), "{fields:?}");
            }
        }
    }
}
