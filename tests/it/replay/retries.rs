//! `ratelab replay --retry`: the waits that a policy chooses.

use crate::support::Place;

#[test]
fn waits_follow_from_policy_answers_and_draws() {
    let place = Place::new();
    for (policy, more, expected) in [
        // Exponential with full jitter, whose ceilings are 1, 2, 4, 8 s.
        (
            r#"Exponential(base: "1s", attempts: 5)"#,
            &["--draws", "0.25,0.5"][..],
            "1,429,0.25,0.25\n2,429,1,1.25\n3,429,1,2.25\n4,429,4,6.25\n",
        ),
        // A told wait that is longer, one that is shorter, and none.
        (
            r#"Fixed(wait: "10s", attempts: 4, retry_after: AtLeast)"#,
            &["--answers", "429 after 30s, 429 after 1s, timeout"],
            "1,429 after 30s,30,30\n2,429 after 1s,10,40\n3,timeout,10,50\n",
        ),
        (
            r#"Fixed(wait: "10s", attempts: 9, honour_rate_limit: true)"#,
            &["--answers", "429 reset 20s, 503, 500 code 3"],
            "1,429 reset 20s,20,20\n2,503,10,30\n3,500 code 3,10,40\n4,500 code 3,10,50\n\
             5,500 code 3,10,60\n6,500 code 3,10,70\n7,500 code 3,10,80\n8,500 code 3,10,90\n",
        ),
        // It retries the code, and not the other.
        (
            "pyatmo",
            &["--draws", "0", "--answers", "403 code 11, 403 code 26"],
            "1,403 code 11,1,1\n",
        ),
    ] {
        let arguments = ["replay", "--retry", policy, "--format", "csv"];
        let done = place.ratelab(&[&arguments, more].concat()).exits(0);
        assert_eq!(done.out, format!("retry,after,wait_s,at_s\n{expected}"));
    }
}

#[test]
fn the_end_is_told_in_words_and_by_name() {
    let place = Place::new();
    for (policy, answers, words, name) in [
        ("none", "429", "no retry: one attempt is all", "attempts"),
        (
            "polly",
            "429",
            "then no more: 4 attempts are all",
            "attempts",
        ),
        ("okhttp", "408, 503", "after \"503\"", "not_retried"),
        ("google-api-core", "503", "has given up", "gave_up"),
        ("esp-mqtt", "timeout", "and so on", "goes_on"),
    ] {
        let arguments = ["replay", "--retry", policy, "--answers", answers];
        let text = place.ratelab(&arguments).exits(0).out;
        assert!(text.ends_with(&format!("{words}\n")), "{policy}: {text}");
        let json = place.ratelab(&[&arguments[..], &["--format", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&json.exits(0).out).unwrap();
        assert_eq!(json["end"], name, "{policy}");
    }
}

#[test]
fn mistakes_are_told() {
    let place = Place::new();
    for (arguments, parts) in [
        (
            &["--retry", "pyatmoo"][..],
            &[
                "unknown retry policy \"pyatmoo\"",
                "did you mean \"pyatmo\"?",
            ][..],
        ),
        (
            &["--retry", "Fixed(wait: \"1s\", atempts: 3)"],
            &["atempts", "did you mean \"attempts\"?"],
        ),
        (
            &["--retry", "Fixed(wait: \"0s\", attempts: Unlimited)"],
            &["hardly let time pass"],
        ),
        (
            &["--retry", "Fixed(wait: \"1s\", attempts: 2, cap: \"9s\")"],
            &["do not grow towards a cap", "at_most"],
        ),
        (
            &[
                "--retry",
                "Linear(base: \"1s\", jitter: Decorrelated, attempts: 2)",
            ],
            &["grows by itself", "goes with Exponential"],
        ),
        (
            &[
                "--retry",
                "Fixed(wait: \"1s\", attempts: 2, or: Fixed(wait: \"2s\", attempts: 2))",
            ],
            &["retries every failure", "needs an `on`"],
        ),
        (
            &["--retry", "none", "--answers", "429 after"],
            &["a value after \"after\"", "429 after 30s"],
        ),
        (
            &["--retry", "none", "--answers", "99"],
            &["a status from 100 to 599"],
        ),
        (&["--retry", "none", "--draws", "1"], &["from 0 to below 1"]),
        (
            &["--retry", "none", "--key", "client"],
            &["cannot be used with"],
        ),
        (
            &["--retry", "none", "--trace", "log.csv"],
            &["cannot be used with"],
        ),
        (
            &[
                "--draws",
                "0.5",
                "--trace",
                "log.csv",
                "--limiter",
                "Gate(permits: 1)",
            ],
            &["cannot be used with"],
        ),
    ] {
        let done = place.ratelab(&[&["replay"], arguments].concat()).exits(2);
        for part in parts {
            assert!(done.err.contains(part), "{arguments:?}: {}", done.err);
        }
    }
}
