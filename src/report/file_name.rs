/// File names without ending for charts of things with these names: each
/// another, on file systems too that take capitals and small letters for the
/// same, and the same whenever the names are.
pub(super) fn file_names(names: &[&str]) -> Vec<String> {
    let slugs: Vec<String> = names.iter().map(|name| slug(name)).collect();
    let mut given: Vec<String> = Vec::new();
    for slug in &slugs {
        let mut name = slug.clone();
        let mut number = 2;
        // The first of like names has the plain one; no number makes another's.
        while given.contains(&name) || (name != *slug && slugs.contains(&name)) {
            name = format!("{slug}_{number}");
            number += 1;
        }
        given.push(name);
    }
    given
}

/// A name that any file system takes.
fn slug(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    name.chars().take(60).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn like_names_are_numbered_in_their_order() {
        for (names, expected) in [
            (&["gate"][..], &["gate"][..]),
            (&["b?", "b!", "b*"], &["b_", "b__2", "b__3"]),
            (&["Gate", "gate"], &["gate", "gate_2"]),
            // A name that is plain stays plain, wherever it stands.
            (&["b?", "b!", "b _2"], &["b_", "b__3", "b__2"]),
            (&["b _2", "b?", "b!"], &["b__2", "b_", "b__3"]),
            (&["\u{e4}", "\u{f6}"], &["_", "__2"]),
        ] {
            assert_eq!(file_names(names), expected, "{names:?}");
        }
        let long = ["x".repeat(80), "x".repeat(90)];
        let named = file_names(&[&long[0], &long[1]]);
        assert_eq!((named[0].len(), named[1].len()), (60, 62));
    }

    proptest! {
        #[test]
        fn no_two_names_are_alike(names in prop::collection::vec("[aA?!_2]{0,4}", 1..12)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut named = file_names(&names);
            named.sort();
            named.dedup();
            prop_assert_eq!(named.len(), names.len());
        }
    }
}
