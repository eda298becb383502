//! The scenarios that the program carries in itself.

/// A scenario that can be run, shown and copied by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The preset that runs when no scenario is named.
pub const DEFAULT: &str = "netatmo";

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// All presets, the default first.
        pub const ALL: &[Preset] = &[
            $(Preset {
                name: $name,
                text: include_str!(concat!("../../scenarios/", $name, ".ron")),
            }),*
        ];
    };
}

presets!["netatmo"];

/// The preset of that name.
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;

    #[test]
    fn every_preset_is_sound() {
        for preset in ALL {
            let source = Source::new(preset.text.to_owned());
            let variants = source
                .variants()
                .unwrap_or_else(|problems| panic!("{}: {problems}", preset.name));
            assert!(!variants.is_empty());
            assert!(
                !variants.get(0).unwrap().scenario.about.is_empty(),
                "{} says what it is about",
                preset.name
            );
        }
        assert!(find(DEFAULT).is_some());
    }
}
