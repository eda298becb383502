//! The retry policies that libraries have, by name.

use std::sync::LazyLock;

use super::RetryPolicy;
use crate::scenario::text::parse;

/// A retry policy that any scenario may name without writing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPreset {
    /// Its name.
    pub name: &'static str,
    /// The policy as a scenario would write it.
    pub text: &'static str,
    /// Whose it is, and what of it is left out.
    pub about: &'static str,
}

/// The policy of a client that does not say.
pub const NO_RETRY: &str = "none";

macro_rules! presets {
    ($($name:literal: $text:literal, $about:literal;)+) => {
        /// All of them, in the order of their libraries.
        pub const RETRY_PRESETS: &[RetryPreset] = &[
            $(RetryPreset { name: $name, text: $text, about: $about },)+
        ];
    };
}

presets! {
    "none": "None",
        "no retry: requests 2.34, ESP-IDF's esp_http_client, ESPHome's http_request";
    "aws-standard": r#"Exponential(base: "1s", cap: "20s", attempts: 3, on: [Status(429)], retry_after: AtLeast, told_adds_at_most: "5s", budget: Tokens(most: 500), cost: 5, or: Exponential(base: "50ms", cap: "20s", attempts: 3, on: [Status(500), Status(502), Status(503), Status(504), Timeout], retry_after: AtLeast, told_adds_at_most: "5s", cost: 14))"#,
        "AWS SDKs, standard mode 2.1 (botocore 1.44.5)";
    "aws-standard-2.0": r#"Exponential(base: "1s", cap: "20s", attempts: 3, on: [Status(429), Status(500), Status(502), Status(503), Status(504)], retry_after: AtLeast, told_adds_at_most: "5s", budget: Tokens(most: 500), cost: 5, or: Exponential(base: "1s", cap: "20s", attempts: 3, on: [Timeout], cost: 10))"#,
        "AWS SDKs, standard mode 2.0";
    "aws-dynamodb": r#"Exponential(base: "1s", cap: "20s", attempts: 4, on: [Status(429)], retry_after: AtLeast, told_adds_at_most: "5s", budget: Tokens(most: 500), cost: 5, or: Exponential(base: "25ms", cap: "20s", attempts: 4, on: [Status(500), Status(502), Status(503), Status(504), Timeout], retry_after: AtLeast, told_adds_at_most: "5s", cost: 14))"#,
        "AWS SDKs, standard mode 2.1, DynamoDB";
    "aws-legacy": r#"Exponential(base: "1s", attempts: 5, on: [Status(429), Status(500), Status(502), Status(503), Status(504), Timeout])"#,
        "boto, legacy mode";
    "google-api-core": r#"Exponential(base: "1s", cap: "60s", attempts: Unlimited, give_up_after: "120s", on: [Status(429), Status(500), Status(503), Timeout])"#,
        "google.api_core 2.44.0, gax-java";
    "grpc": r#"Exponential(base: "1s", factor: 2, cap: "60s", jitter: PlusMinus("20%"), attempts: 5, on: [Status(503)], retry_after: Instead)"#,
        "gRPC (proposal A6); a service config says base, factor and cap, and may add a budget: Throttle(tokens: 10, success: 0.1)";
    "azure-python": r#"Exponential(base: "800ms", cap: "120s", jitter: None, first: "0s", attempts: 4, on: [Status(408), Status(429), Status(500), Status(502), Status(503), Status(504)], retry_after: Instead, or: Exponential(base: "800ms", cap: "120s", jitter: None, first: "0s", attempts: 11, on: [Timeout]))"#,
        "Azure Core for Python 1.41: a status is retried 3 times, a connection 10 times";
    "azure-dotnet": r#"Exponential(base: "800ms", jitter: PlusMinus("20%"), at_most: "60s", attempts: 4, on: [Status(408), Status(429), Status(500), Status(502), Status(503), Status(504), Timeout], retry_after: Instead)"#,
        "Azure Core for .NET";
    "envoy": r#"Exponential(base: "25ms", cap: "250ms", attempts: 2, on: [Status(500), Status(502), Status(503), Status(504)], budget: InFlight(of: "0%", at_least: 3))"#,
        "Envoy with its default of one retry, three at a time; with a retry_budget it is InFlight(of: \"20%\")";
    "polly": r#"Fixed(wait: "2s", attempts: 4)"#,
        "Polly 8 as it comes";
    "polly-exponential": r#"Exponential(base: "2s", jitter: Polly, attempts: 4)"#,
        "Polly 8, exponential with UseJitter";
    "resilience4j": r#"Fixed(wait: "500ms", attempts: 3)"#,
        "resilience4j as it comes";
    "resilience4j-exponential": r#"Waits(waits: ["500ms", "750ms", "1125ms", "1687ms", "2530ms", "3795ms", "5692ms", "8538ms"], attempts: 3)"#,
        "resilience4j, ofExponentialBackoff(500, 1.5), cut to whole milliseconds";
    "resilience4j-random": r#"Waits(waits: ["500ms", "750ms", "1125ms", "1687ms", "2530ms", "3795ms", "5692ms", "8538ms"], jitter: Times(Uniform(from: 0.5, to: 1.5)), attempts: 3)"#,
        "resilience4j, ofExponentialRandomBackoff(500, 1.5, 0.5)";
    "tenacity-exponential": r#"Exponential(base: "1s", jitter: None, attempts: Unlimited)"#,
        "tenacity 9.2.1, wait_exponential; tenacity as it comes waits for nothing, for ever";
    "tenacity-random-exponential": r#"Exponential(base: "1s", attempts: Unlimited)"#,
        "tenacity 9.2.1, wait_random_exponential";
    "tenacity-exponential-jitter": r#"Exponential(base: "1s", jitter: Plus(Uniform(from: "0s", to: "1s")), attempts: Unlimited)"#,
        "tenacity 9.2.1, wait_exponential_jitter";
    "urllib3": r#"Exponential(base: "200ms", cap: "120s", jitter: None, first: "0s", attempts: 11, on: [Status(413), Status(429), Status(503)], retry_after: Instead, told_at_most: "6h")"#,
        "urllib3 2.8.0 with backoff_factor=0.2; it retries these where they tell a Retry-After, or where its status_forcelist has them";
    "okhttp": r#"Fixed(wait: "0s", attempts: 2, on: [Status(408)])"#,
        "OkHttp, which never retries a 429; without its one retry of a 503 that tells a Retry-After of 0";
    "aiohttp-retry": r#"Exponential(base: "200ms", cap: "30s", jitter: None, attempts: 3, on: [Status(500), Status(502), Status(503), Status(504)])"#,
        "aiohttp-retry 2.9.1, ExponentialRetry: the first wait is doubled already";
    "backoff-expo": r#"Exponential(base: "1s", attempts: Unlimited)"#,
        "litl's backoff, expo with full jitter";
    "backoff-fibo": r#"Fibonacci(base: "1s", jitter: Full, attempts: Unlimited)"#,
        "litl's backoff, fibo with full jitter";
    "ha-entry-not-ready": r#"Exponential(base: "5s", cap: "80s", jitter: Plus(Uniform(from: "50ms", to: "500ms")), attempts: Unlimited)"#,
        "Home Assistant, ConfigEntryNotReady";
    "ha-platform-not-ready": r#"Linear(base: "30s", cap: "180s", attempts: Unlimited)"#,
        "Home Assistant, PlatformNotReady";
    "pyatmo": r#"Exponential(base: "1s", cap: "8s", jitter: Plus(Uniform(from: "0s", to: "1s")), attempts: 4, on: [Code(11)], retry_after: AtLeast, told_at_most: "60s")"#,
        "pyatmo 9.9.1, Netatmo's client in Home Assistant";
    "amitfin-retry": r#"Exponential(base: "1s", jitter: None, attempts: 7)"#,
        "amitfin/retry for Home Assistant";
    "nest-sdm": r#"Waits(waits: ["0s", "3s", "10s", "20s"], attempts: Unlimited)"#,
        "python-google-nest-sdm";
    "esp-mqtt": r#"Fixed(wait: "10s", attempts: Unlimited)"#,
        "esp-mqtt's reconnection";
}

/// The policies of [`RETRY_PRESETS`], in its order. One that could not be read
/// would be no retry; that there is none is tested.
static POLICIES: LazyLock<Vec<RetryPolicy>> = LazyLock::new(|| {
    let read = |preset: &RetryPreset| parse(preset.text).unwrap_or(RetryPolicy::NONE);
    RETRY_PRESETS.iter().map(read).collect()
});

impl RetryPreset {
    /// The place of the preset of that name among all.
    pub fn position(name: &str) -> Option<usize> {
        (RETRY_PRESETS.iter()).position(|preset| preset.name == name)
    }

    /// The policy of the preset at a place.
    pub fn policy(place: usize) -> &'static RetryPolicy {
        &POLICIES[place]
    }

    /// The policy of that name.
    pub fn find(name: &str) -> Option<&'static RetryPolicy> {
        RetryPreset::position(name).map(RetryPreset::policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;

    #[test]
    fn every_preset_can_be_read_and_keeps_the_rules_of_a_policy() {
        for preset in RETRY_PRESETS {
            let read = parse::<RetryPolicy>(preset.text);
            read.unwrap_or_else(|problems| panic!("{}: {problems}", preset.name));
            // In a scenario that writes it under another name.
            let text = format!(
                r#"Scenario(
                    name: "s", time: (length: "1h"), cohorts: {{"a": (homes: 1, client: "c")}},
                    clients: {{"c": (polls: [(method: "m", every: "1min")], retry: "own")}},
                    server: (stages: [Gate(permits: 1)]), retries: {{"own": {}}},
                )"#,
                preset.text
            );
            let variants = Source::new(text).variants();
            variants.unwrap_or_else(|problems| panic!("{}: {problems}", preset.name));
        }
    }
}
