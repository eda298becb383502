use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::scenario::{NatOf, Source};

/// The keys of homes as they are defined: a number for each combination of what
/// the limit counts per, in the order in which homes show them; and for each
/// the number of users behind it.
fn by_definition(scenario: &Scenario, per: &[Scope]) -> (Vec<u32>, Vec<u32>) {
    let mut numbers: HashMap<(u32, u32, u32, (bool, String)), usize> = HashMap::new();
    let (mut keys, mut users): (Vec<u32>, Vec<Vec<u32>>) = (Vec::new(), Vec::new());
    let (mut first_user, mut first_home) = (0, 0);
    for cohort in scenario.cohorts.values() {
        for home in 0..cohort.homes {
            let user = home / cohort.homes_per_user;
            let app = match &cohort.app {
                AppOf::PerUser => (false, (first_user + user).to_string()),
                AppOf::SharedBy { users } => (false, (first_user + user / users).to_string()),
                AppOf::Shared(name) => (true, name.clone()),
            };
            let nat = first_home
                + match cohort.nat {
                    NatOf::PerHome => home,
                    NatOf::Shared { homes } => home / homes,
                };
            let user = first_user + user;
            let counts = |scope| per.contains(&scope);
            let part = |scope, value: u32| if counts(scope) { value } else { 0 };
            let own = counts(Scope::Home) || counts(Scope::Token);
            let combination = (
                if own { first_home + home } else { 0 },
                part(Scope::User, user),
                part(Scope::Nat, nat),
                if counts(Scope::App) {
                    app
                } else {
                    (false, String::new())
                },
            );
            let next = numbers.len();
            let key = *numbers.entry(combination).or_insert(next);
            users.resize(users.len().max(key + 1), Vec::new());
            users[key].push(user);
            keys.push(key as u32);
        }
        first_user += cohort.homes.div_ceil(cohort.homes_per_user);
        first_home += cohort.homes;
    }
    let distinct = |mut users: Vec<u32>| {
        users.dedup();
        users.len() as u32
    };
    (keys, users.into_iter().map(distinct).collect())
}

fn key(way: KeyOf, home: u32, tables: &[Vec<u32>]) -> u32 {
    let scaled =
        |number: u32, scale: u32, offset: u32| number.wrapping_mul(scale).wrapping_add(offset);
    match way {
        KeyOf::Constant(key) => key,
        KeyOf::Home { scale, offset } => scaled(home, scale, offset),
        KeyOf::Group {
            first_home,
            homes,
            scale,
            offset,
        } => scaled(homes.divide(home - first_home), scale, offset),
        KeyOf::Table {
            table,
            scale,
            offset,
        } => scaled(tables[usize::from(table)][home as usize], scale, offset),
        KeyOf::Device { .. } => panic!("no limit per device"),
    }
}

fn cohort() -> impl Strategy<Value = String> {
    let app = prop_oneof![
        Just("PerUser".to_owned()),
        Just("Shared(\"one\")".to_owned()),
        Just("Shared(\"two\")".to_owned()),
        (1..5_u32).prop_map(|users| format!("SharedBy(users: {users})")),
    ];
    let nat = prop_oneof![
        Just("PerHome".to_owned()),
        (1..8_u32).prop_map(|homes| format!("Shared(homes: {homes})")),
    ];
    (1..40_u32, 1..5_u32, app, nat).prop_map(|(homes, per_user, app, nat)| {
        format!(
            "(homes: {homes}, homes_per_user: {per_user}, app: {app}, nat: {nat}, client: \"a\")"
        )
    })
}

proptest! {
    #[test]
    fn keys_by_arithmetic_are_those_by_definition(
        cohorts in prop::collection::vec(cohort(), 1..5),
        per in prop::sample::subsequence(
            vec![Scope::App, Scope::User, Scope::Token, Scope::Nat, Scope::Home, Scope::Method], 0..=6),
    ) {
        let cohorts: Vec<String> = cohorts.iter().enumerate()
            .map(|(number, cohort)| format!("\"{number}\": {cohort}"))
            .collect();
        let text = format!(
            "Scenario(name: \"keys\", time: (length: \"1min\"), cohorts: {{{}}}, \
             clients: {{\"a\": (requests: [(method: \"x\", rate: \"1/s\"), (method: \"y\", rate: \"1/s\")])}}, \
             server: ())", cohorts.join(", "));
        let scenario = Source::new(text).scenario().unwrap();
        let population = Population::new(&scenario, 1, 0, &|| false).unwrap();
        let space = KeySpace::new(&scenario, &population, &per, 2, true).unwrap();
        let (keys, users) = by_definition(&scenario, &per);
        let scale = if per.contains(&Scope::Method) { 2 } else { 1 };
        prop_assert_eq!(space.keys as usize, users.len() * scale);
        let size = |users: &u32| vec![KeySize { users: *users, devices: 0 }; scale];
        let scaled: Vec<KeySize> = users.iter().flat_map(size).collect();
        prop_assert_eq!(&space.sizes, &scaled);
        let mut tables = Vec::new();
        for method in 0..2 {
            for (cohort, homes) in population.cohorts.iter().enumerate() {
                let way = space.key_of(cohort, false, method, &mut tables).unwrap();
                for home in homes.first_home..homes.first_home + homes.homes {
                    let expected = keys[home as usize] * scale as u32
                        + if scale == 2 { method as u32 } else { 0 };
                    prop_assert_eq!(key(way, home, &tables), expected, "home {} of {:?}", home, way);
                }
            }
        }
        prop_assert!(tables.len() <= 1);
    }
}

#[test]
fn a_table_is_only_for_what_is_no_arithmetic() {
    let keys = |cohort: &str, per: &[Scope]| {
        let text = format!(
            "Scenario(name: \"keys\", time: (length: \"1min\"), cohorts: {{\"c\": (homes: 60, client: \"a\", {cohort})}}, \
             clients: {{\"a\": (requests: [(method: \"x\", rate: \"1/s\")])}}, server: ())"
        );
        let scenario = Source::new(text).scenario().unwrap();
        let population = Population::new(&scenario, 1, 0, &|| false).unwrap();
        let space = KeySpace::new(&scenario, &population, per, 1, false).unwrap();
        assert!(space.sizes.is_empty(), "nobody asked");
        let mut tables = Vec::new();
        space.key_of(0, false, 0, &mut tables).unwrap();
        (space.keys, tables.len())
    };
    let nat = "homes_per_user: 2, nat: Shared(homes: 3)";
    assert_eq!(keys(nat, &[Scope::User]), (30, 0));
    assert_eq!(keys(nat, &[Scope::Nat]), (20, 0));
    assert_eq!(keys(nat, &[Scope::User, Scope::Nat]), (40, 1));
    assert_eq!(
        keys(
            "homes_per_user: 2, nat: Shared(homes: 6)",
            &[Scope::User, Scope::Nat]
        ),
        (30, 0)
    );
    assert_eq!(
        keys("app: Shared(\"x\")", &[Scope::App, Scope::User]),
        (60, 0)
    );
}
