use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::scenario::{NatOf, Source};

/// A cohort, a client in it, and a home.
type Caller = (usize, usize, u32);

/// The keys of homes as they are defined: a number for each combination of what
/// the limit counts per, in the order in which homes show them; and for each
/// the number of users behind it.
fn by_definition(scenario: &Scenario, per: &[Scope]) -> (HashMap<Caller, u32>, Vec<u32>) {
    let mut numbers: HashMap<(u32, u32, u32, String, String), usize> = HashMap::new();
    let (mut keys, mut users): (HashMap<_, u32>, Vec<Vec<u32>>) = (HashMap::new(), Vec::new());
    let (mut first_user, mut first_home) = (0, 0);
    for (cohort_number, cohort) in scenario.cohorts.values().enumerate() {
        for (client, home) in (cohort.installed().iter())
            .flat_map(|client| (0..cohort.homes).map(move |home| (client, home)))
        {
            let user = home / cohort.homes_per_user;
            let whose = client.app_number;
            let app = match client.app {
                AppOf::PerUser => format!("own {} {whose}", first_user + user),
                AppOf::SharedBy { users } => format!("of {} {whose}", first_user + user / users),
                AppOf::Shared(name) => name.clone(),
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
            let of_app = |scope, app: String| if counts(scope) { app } else { String::new() };
            let combination = (
                if own { first_home + home } else { 0 },
                part(Scope::User, user),
                part(Scope::Nat, nat),
                of_app(Scope::App, app.clone()),
                of_app(Scope::Token, app),
            );
            let next = numbers.len();
            let key = *numbers.entry(combination).or_insert(next);
            users.resize(users.len().max(key + 1), Vec::new());
            users[key].push(user);
            keys.insert((cohort_number, client.index, first_home + home), key as u32);
        }
        first_user += cohort.homes.div_ceil(cohort.homes_per_user);
        first_home += cohort.homes;
    }
    let distinct = |mut users: Vec<u32>| {
        users.sort_unstable();
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

fn app() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("PerUser".to_owned()),
        Just("Shared(\"one\")".to_owned()),
        Just("Shared(\"two\")".to_owned()),
        (1..5_u32).prop_map(|users| format!("SharedBy(users: {users})")),
    ]
}

fn clients() -> impl Strategy<Value = String> {
    let own = |app| format!("(client: \"CLIENT\", app: {app})");
    let client = prop_oneof![Just("\"CLIENT\"".to_owned()), app().prop_map(own)];
    let several = prop::collection::vec(client, 1..4).prop_map(|clients| {
        let named = clients.iter().zip(["a", "b", "c"]);
        let clients: Vec<String> = named
            .map(|(client, name)| client.replace("CLIENT", name))
            .collect();
        format!("clients: [{}]", clients.join(", "))
    });
    prop_oneof![Just("client: \"a\"".to_owned()), several]
}

fn cohort() -> impl Strategy<Value = String> {
    let nat = prop_oneof![
        Just("PerHome".to_owned()),
        (1..8_u32).prop_map(|homes| format!("Shared(homes: {homes})")),
    ];
    (1..40_u32, 1..5_u32, app(), nat, clients()).prop_map(|(homes, per_user, app, nat, clients)| {
        format!("(homes: {homes}, homes_per_user: {per_user}, app: {app}, nat: {nat}, {clients})")
    })
}

/// Cohorts of which some use the clients "a", "b" and "c", and another that uses
/// all of them.
fn scenario(cohorts: &[String]) -> Scenario {
    let mut text = String::new();
    for (number, cohort) in cohorts.iter().enumerate() {
        text += &format!("\"{number}\": {cohort}, ");
    }
    let sends = "(requests: [(method: \"x\", rate: \"1/s\"), (method: \"y\", rate: \"1/s\")])";
    let text = format!(
        "Scenario(name: \"keys\", time: (length: \"1min\"), \
         cohorts: {{{text} \"rest\": (homes: 2, clients: [\"a\", \"b\", \"c\"])}}, \
         clients: {{\"a\": {sends}, \"b\": {sends}, \"c\": {sends}}}, server: ())"
    );
    Source::new(text).scenario().unwrap()
}

proptest! {
    #[test]
    fn keys_by_arithmetic_are_those_by_definition(
        cohorts in prop::collection::vec(cohort(), 1..5),
        per in prop::sample::subsequence(
            vec![Scope::App, Scope::User, Scope::Token, Scope::Nat, Scope::Home, Scope::Method], 0..=6),
    ) {
        let scenario = scenario(&cohorts);
        let population = Population::new(&scenario, 1, 0, &|| false).unwrap();
        let space =
            KeySpace::new(Party::all(&scenario, &per), &population, &per, (2, 1), true).unwrap();
        let (keys, users) = by_definition(&scenario, &per);
        let scale = if per.contains(&Scope::Method) { 2 } else { 1 };
        prop_assert_eq!(space.keys as usize, users.len() * scale);
        let size = |users: &u32| vec![KeySize { users: *users, devices: 0 }; scale];
        let scaled: Vec<KeySize> = users.iter().flat_map(size).collect();
        prop_assert_eq!(&space.sizes, &scaled);
        let mut tables = Vec::new();
        for (method, (caller, key_by_definition)) in
            (0..2).flat_map(|method| keys.iter().map(move |it| (method, it)))
        {
            let &(cohort, client, home) = caller;
            let way = space.key_of((cohort, client), false, method, &mut tables).unwrap();
            let expected = key_by_definition * scale as u32
                + if scale == 2 { method as u32 } else { 0 };
            prop_assert_eq!(key(way, home, &tables), expected, "{:?} of {:?}", caller, way);
        }
        prop_assert!(tables.len() <= 3);
    }

    #[test]
    fn devices_have_a_key_per_application_where_a_limit_counts_so(
        cohorts in prop::collection::vec((cohort(), 0..4_u32), 1..4), by_app: bool,
    ) {
        let devices = |count: u32| format!("devices: [(kind: \"d\", count: Exactly({count})), (kind: \"e\", count: Exactly(1))]");
        let cohorts: Vec<String> = cohorts.iter()
            .map(|(cohort, count)| {
                let body = cohort.strip_suffix(')').unwrap();
                format!("{body}, {})", devices(*count))
            })
            .collect();
        let scenario = scenario(&cohorts);
        let population = Population::new(&scenario, 1, 0, &|| false).unwrap();
        let per = if by_app { vec![Scope::Device, Scope::App] } else { vec![Scope::Device] };
        let space =
            KeySpace::new(Party::all(&scenario, &per), &population, &per, (1, 1), false).unwrap();
        let mut seen = HashMap::new();
        for (number, cohort) in scenario.cohorts.values().enumerate() {
            let groups = &population.cohorts[number].groups;
            for (client, group) in
                (cohort.installed().iter()).flat_map(|it| groups.iter().map(move |group| (it, group)))
            {
                let way = space.key_of((number, client.index), true, 0, &mut Vec::new()).unwrap();
                for device in group.first_device..group.first_device + group.devices {
                    let caller = crate::server::Caller {
                        home: 0,
                        device,
                        level: crate::overload::Criticality::Critical,
                        weight: 1,
                    };
                    let key = way.of(&caller, &[]);
                    prop_assert!(key < space.keys);
                    let app = if by_app { client.app_number } else { 0 };
                    let owner = *seen.entry(key).or_insert((device, app));
                    prop_assert_eq!(owner, (device, app));
                }
            }
        }
        prop_assert_eq!(seen.len(), space.keys as usize - usize::from(seen.is_empty()));
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
        let parties = Party::all(&scenario, per);
        let space = KeySpace::new(parties, &population, per, (1, 1), false).unwrap();
        assert!(space.sizes.is_empty(), "nobody asked");
        let mut tables = Vec::new();
        space.key_of((0, 0), false, 0, &mut tables).unwrap();
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
