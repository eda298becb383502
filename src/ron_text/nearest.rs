/// The known name that `name` was most likely meant to be, if any is close.
///
/// Close means: equal but for case, spaces, hyphens and underscores, or no
/// more than a third of the letters wrong by the optimal string alignment
/// distance (insertions, deletions, substitutions and swaps of neighbours).
/// Of equally close names the first wins. Names above 100 bytes are not
/// compared, which bounds the work.
///
/// ```
/// # use ratelab::scenario::text::nearest;
/// assert_eq!(nearest("lenght", ["name", "length"].into_iter()), Some("length"));
/// assert_eq!(nearest("window", ["name", "length"].into_iter()), None);
/// ```
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > LONGEST {
        return None;
    }
    let wanted = folded(name);
    let letters = wanted.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.filter(|candidate| candidate.len() <= LONGEST) {
        let folded = folded(candidate);
        let longer = letters.max(folded.chars().count());
        let distance = strsim::osa_distance(&wanted, &folded);
        // At least one letter must be right, however short the name.
        let close = distance <= longer.max(3) / 3 && distance < longer || distance == 0;
        if close && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

const LONGEST: usize = 100;

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_others_are_not() {
        let known = [
            "name",
            "time",
            "warm_up",
            "FixedWindow",
            "PerUser",
            "x",
            "length",
        ];
        for (name, expected) in [
            ("tme", Some("time")),
            ("tiem", Some("time")),
            ("warmup", Some("warm_up")),
            ("warm-up", Some("warm_up")),
            ("fixed_window", Some("FixedWindow")),
            ("FixdWindw", Some("FixedWindow")),
            ("per user", Some("PerUser")),
            ("lenght", Some("length")),
            ("y", None),
            ("X", Some("x")),
            ("quota", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }

    #[test]
    fn of_equally_close_names_the_first_wins() {
        assert_eq!(nearest("cat", ["bat", "hat"].into_iter()), Some("bat"));
        assert_eq!(nearest("hats", ["bat", "hat"].into_iter()), Some("hat"));
    }

    #[test]
    fn a_name_of_no_sensible_length_is_not_compared() {
        let long = "a".repeat(101);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
    }
}
