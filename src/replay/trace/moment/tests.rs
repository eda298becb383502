use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<u64, TimeFault> {
    TimeReader::default().read(text.as_bytes()).map(Time::nanos)
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
    let mut reader = TimeReader::default();
    assert_eq!(reader.read(b"1970-01-01T00:00:00Z"), Ok(Time::EPOCH));
    assert_eq!(reader.read(b"99999999999"), Err(TimeFault::TooLate));
    assert_eq!(reader.unit, None, "what is out of reach settles nothing");
    assert_eq!(reader.read(b"7"), Ok(Time::from_secs(7)));
    assert_eq!(reader.unit, Some(TimeUnit::Seconds));
    let mut reader = TimeReader::default();
    assert_eq!(
        reader.read(b"100000000000"),
        Ok(Time::from_secs(100_000_000))
    );
    assert_eq!(reader.read(b"7"), Ok(Time::from_millis(7)));
    let mut reader = TimeReader::new(Some(TimeUnit::Microseconds), None);
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
fn forms_of_web_servers_and_programs() {
    let moment = 1_758_254_400_000_000_000;
    for (text, zone, nanos) in [
        ("19/Sep/2025:04:00:00 +0000", None, moment),
        ("19/Sep/2025:06:00:00 +0200", None, moment),
        ("18/Sep/2025:23:30:00 -0430", None, moment),
        ("19/Sep/2025:04:00:00.250 +0000", None, moment + 250_000_000),
        // An offset of its own counts more than a zone.
        ("19/Sep/2025:06:00:00 +0200", Some("Asia/Tokyo"), moment),
        ("2025-09-19 04:00:00 UTC", None, moment),
        ("2025-09-19 06:00:00 +0200", None, moment),
        ("2025-09-19 06:00:00.5 +02:00", None, moment + 500_000_000),
        ("2025-09-19 06:00:00", Some("Europe/Paris"), moment),
        ("2025-09-19T06:00:00", Some("+02:00"), moment),
        ("2025-09-19 04:00:00,250", Some("UTC"), moment + 250_000_000),
        ("2025/09/19 04:00:00", Some("UTC"), moment),
        ("19/Sep/2025:04:00:00", Some("UTC"), moment),
    ] {
        let zone = zone.map(|name| Zone::try_from(name.to_owned()).unwrap());
        let read = TimeReader::new(None, zone).read(text.as_bytes());
        assert_eq!(read.map(Time::nanos), Ok(nanos), "{text}");
    }
    for (text, fault) in [
        ("19/Sep/2025:04:00:00", TimeFault::NoOffset),
        ("2025-09-19 04:00:00,250", TimeFault::NoOffset),
        ("19/Spt/2025:04:00:00 +0000", TimeFault::NotATime),
        ("31/Feb/2025:04:00:00 +0000", TimeFault::NotATime),
        ("19/Sep/1969:04:00:00 +0000", TimeFault::TooEarly),
    ] {
        assert_eq!(read(text), Err(fault), "{text}");
    }
}

#[test]
fn clocks_that_are_changed() {
    let zone = Zone::try_from("Europe/Paris".to_owned()).unwrap();
    let mut reader = TimeReader::new(None, Some(zone));
    let mut read = |text: &str| reader.read(text.as_bytes()).unwrap().nanos() / 1_000_000_000;
    // 30 March 2025: after 01:59:59 comes 03:00:00.
    let spring = read("2025-03-30 01:59:59");
    assert_eq!(read("2025-03-30 03:00:00"), spring + 1);
    assert_eq!(read("2025-03-30 02:30:00"), spring + 1801);
    // 26 October 2025: after 02:59:59 comes 02:00:00 again.
    let autumn = read("2025-10-26 02:00:00");
    assert_eq!(read("2025-10-26 02:59:59"), autumn + 3599);
    assert_eq!(read("2025-10-26 02:00:00"), autumn + 3600);
    assert_eq!(read("2025-10-26 02:20:00"), autumn + 4800);
    assert_eq!(read("2025-10-26 02:40:00"), autumn + 6000);
    assert_eq!(read("2025-10-26 02:59:59"), autumn + 7199);
    assert_eq!(read("2025-10-26 03:00:00"), autumn + 7200);
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
        let general = TimeReader::default().read_otherwise(text.as_bytes());
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
