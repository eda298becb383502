use super::Outline;

/// What the failures of the backend are called, which stand last among the
/// stages.
const BACKEND: &str = "backend";

impl Outline {
    /// Gives the failures of the backend a name that no stage has, and the same
    /// one in all of these worlds: results know stages by name.
    pub fn name_failures<'o>(outlines: impl IntoIterator<Item = &'o mut Outline>) {
        let mut outlines: Vec<&mut Outline> = outlines.into_iter().collect();
        let mut name = BACKEND.to_owned();
        while outlines.iter().any(|outline| outline.has_stage(&name)) {
            name.push_str(" (failures)");
        }
        for outline in &mut outlines {
            if outline.fails
                && let Some(last) = outline.stages.last_mut()
            {
                last.name.clone_from(&name);
            }
        }
    }

    /// Whether a stage has that name; the backend's failures are none.
    fn has_stage(&self, name: &str) -> bool {
        let stages = self.stages.len() - usize::from(self.fails).min(self.stages.len());
        self.stages[..stages].iter().any(|stage| stage.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;
    use crate::world::World;

    fn world(stages: &str, failures: &str) -> Outline {
        let text = format!(
            r#"Scenario(name: "s", time: (length: "1min"),
                cohorts: {{"a": (homes: 1, client: "c")}},
                clients: {{"c": (requests: [(method: "get", rate: "1/s")])}},
                server: (stages: [{stages}], backend: (service: Constant("1s"), failures: "{failures}")))"#
        );
        let variants = Source::new(text).variants().unwrap();
        let mut outline = World::compile(&variants.get(0).unwrap().scenario, 1, 0)
            .unwrap()
            .outline();
        Outline::name_failures([&mut outline]);
        outline
    }

    fn names(world: &Outline) -> Vec<&str> {
        let stages = world.stages.iter();
        stages.map(|stage| stage.name.as_str()).collect()
    }

    #[test]
    fn failures_have_a_name_that_no_stage_has() {
        let gate = r#"Gate(name: "backend", permits: 1)"#;
        let both =
            r#"Gate(name: "backend", permits: 1), Gate(name: "backend (failures)", permits: 1)"#;
        for (stages, failures, expected) in [
            ("", "1%", &["backend"][..]),
            (gate, "0%", &["backend"]),
            (gate, "1%", &["backend", "backend (failures)"]),
            (
                both,
                "1%",
                &[
                    "backend",
                    "backend (failures)",
                    "backend (failures) (failures)",
                ],
            ),
        ] {
            assert_eq!(names(&world(stages, failures)), expected, "{stages}");
        }
        // Over the worlds of a study: a column must not mix the two.
        let mut worlds = [world("", "1%"), world(gate, "0%"), world("", "0%")];
        Outline::name_failures(&mut worlds);
        let named = worlds.each_ref().map(names);
        assert_eq!(named, [&["backend (failures)"][..], &["backend"], &[]]);
    }
}
