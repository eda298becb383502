use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<u64, TimeFault> {
    TimeReader { unit: None }
        .read(text.as_bytes())
        .map(Time::nanos)
}

#[test]
fn numbers_are_exact_to_the_nanosecond() {
    const E9: u64 = 1_000_000_000;
    for (text, nanos) in [
        ("0", 0),
        ("12.5", 12_500_000_000),
        (".5", 500_000_000),
        ("5.", 5 * E9),
        ("1758254400.123456789", 1_758_254_400_123_456_789),
        ("1758254400.1234567899", 1_758_254_400_123_456_789),
        ("0.0000000009", 0),
        ("18446744073.709551615", u64::MAX),
        // The unit of a first number, by its size.
        ("17582544000", 17_582_544_000 * E9),
        ("100000000000", 100_000_000 * E9),
        ("1758254400123.456789", 1_758_254_400_123_456_789),
        ("100000000000000", 100_000_000 * E9),
        ("1758254400123456.789", 1_758_254_400_123_456_789),
        ("100000000000000000", 100_000_000 * E9),
        ("18446744073709551615", u64::MAX),
        ("1758254400123456789.9", 1_758_254_400_123_456_789),
    ] {
        assert_eq!(read(text), Ok(nanos), "{text}");
    }
}

#[test]
fn the_first_number_settles_the_unit() {
    let mut reader = TimeReader { unit: None };
    assert_eq!(reader.read(b"1970-01-01T00:00:00Z"), Ok(Time::EPOCH));
    assert_eq!(reader.read(b"99999999999"), Err(TimeFault::TooLate));
    assert_eq!(reader.unit, Some(TimeUnit::Seconds));
    let mut reader = TimeReader { unit: None };
    assert_eq!(
        reader.read(b"100000000000"),
        Ok(Time::from_secs(100_000_000))
    );
    assert_eq!(reader.read(b"7"), Ok(Time::from_millis(7)));
    let mut reader = TimeReader {
        unit: Some(TimeUnit::Microseconds),
    };
    assert_eq!(reader.read(b"1.5"), Ok(Time::from_nanos(1500)));
}

#[test]
fn forms_of_rfc_3339() {
    let moment = 1_758_254_400_000_000_000;
    for (text, nanos) in [
        ("2025-09-19T04:00:00Z", moment),
        ("2025-09-19T06:00:00+02:00", moment),
        ("2025-09-18T23:30:00-04:30", moment),
        ("2025-09-19T04:00:00.5Z", moment + 500_000_000),
        ("2025-09-19T04:00:00.123456789+00:00", moment + 123_456_789),
        ("2025-09-19T04:00:00.1234567899Z", moment + 123_456_789),
        // These go through the general reader.
        ("2025-09-19t04:00:00z", moment),
        ("2025-09-19 04:00:00Z", moment),
        ("2025-09-19T04:00Z", moment),
        ("1970-01-01T00:30:00+00:30", 0),
        ("2554-07-21T23:34:33.709551615Z", u64::MAX),
    ] {
        assert_eq!(read(text), Ok(nanos), "{text}");
    }
}

#[test]
fn what_is_no_time_says_why() {
    for (text, fault) in [
        ("", TimeFault::Empty),
        ("12:00", TimeFault::NotATime),
        ("noon", TimeFault::NotATime),
        (".", TimeFault::NotATime),
        ("+5", TimeFault::NotATime),
        ("1_000", TimeFault::NotATime),
        ("1,5", TimeFault::NotATime),
        ("0x10", TimeFault::NotATime),
        ("2025-02-29T00:00:00Z", TimeFault::NotATime),
        ("2025-09-19T24:00:00Z", TimeFault::NotATime),
        ("2025-09-19T04:00:00.Z", TimeFault::NotATime),
        ("-5", TimeFault::Negative),
        ("-0.001", TimeFault::Negative),
        ("NaN", TimeFault::NotFinite),
        ("inf", TimeFault::NotFinite),
        ("-Infinity", TimeFault::NotFinite),
        ("1e3", TimeFault::Exponent),
        ("1.5E9", TimeFault::Exponent),
        ("2025-09-19T04:00:00", TimeFault::NoOffset),
        ("2025-09-19 04:00:00.250", TimeFault::NoOffset),
        ("1969-12-31T23:59:59.999Z", TimeFault::TooEarly),
        ("1970-01-01T00:00:00+00:01", TimeFault::TooEarly),
        ("2554-07-21T23:34:33.709551616Z", TimeFault::TooLate),
        ("9999-01-01T00:00:00Z", TimeFault::TooLate),
        ("99999999999999999999", TimeFault::TooLate),
    ] {
        assert_eq!(read(text), Err(fault), "{text}");
    }
}

/// A sign for an offset, of which there are three.
fn offset() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Z".to_string()),
        ("[+-]", 0..24_u8, 0..60_u8).prop_map(|(s, h, m)| format!("{s}{h:02}:{m:02}")),
    ]
}

proptest! {
    #[test]
    fn the_fast_reader_agrees_with_the_general_one(
        (year, month, day) in (1969..2556_u32, 0..14_u32, 0..33_u32),
        (hour, minute, second) in (0..25_u32, 0..61_u32, 0..61_u32),
        fraction in "(\\.[0-9]{1,9})?",
        offset in offset(),
    ) {
        let text = format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}"
        );
        let general = any_rfc3339(text.as_bytes());
        let fast = common_rfc3339(text.as_bytes()).map(Time::from_nanos);
        if let Some(fast) = fast {
            prop_assert_eq!(Ok(fast), general);
        }
        let usual = (1971..2553).contains(&year) && hour < 24 && minute < 60 && second < 60;
        if usual && general.is_ok() {
            prop_assert!(fast.is_some(), "{} is a usual form", text);
        }
    }

    #[test]
    fn every_day_is_counted(day in 0..213_000_i64) {
        let date = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(day);
        let text = format!("{date}T00:00:00Z");
        let expected = day as u64 * 86_400_000_000_000;
        prop_assert_eq!(common_rfc3339(text.as_bytes()), Some(expected));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn whole_nanoseconds_survive_each_unit(nanos: u64) {
        for (unit, digits) in [
            (TimeUnit::Seconds, 9),
            (TimeUnit::Milliseconds, 6),
            (TimeUnit::Microseconds, 3),
        ] {
            let scale = unit.nanos();
            let text = format!("{}.{:0digits$}", nanos / scale, nanos % scale);
            prop_assert_eq!(nanos_of_decimal(text.as_bytes(), unit), Some(nanos));
        }
    }
}
