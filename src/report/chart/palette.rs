//! Colours, dash patterns and markers.

/// Red, green and blue, 0..=255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const INK: Colour = Colour(0x1b, 0x1f, 0x24);
pub(super) const GREY: Colour = Colour(0x5b, 0x64, 0x70);
pub(super) const GRID: Colour = Colour(0xe3, 0xe6, 0xea);
pub(super) const SHADE: Colour = Colour(0x8a, 0x93, 0x9e);
pub(super) const WHITE: Colour = Colour(0xff, 0xff, 0xff);

/// The Okabe-Ito set without its yellow, which is too light for a line on white.
const OKABE_ITO: [Colour; 7] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x00, 0x00, 0x00),
];

/// Lengths of strokes and gaps in CSS pixels; none is a solid line. Four of
/// them and seven colours give 28 different looks.
const DASHES: [&[u32]; 4] = [&[], &[9, 4], &[3, 3], &[12, 4, 3, 4]];

/// The shape of a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
}

const MARKERS: [Marker; 4] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
];

/// How a series looks: by its index, so that the same order of policies looks
/// the same in every chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) colour: Colour,
    /// The colour darkened until text in it is readable on white.
    pub(super) text: Colour,
    pub(super) dashes: &'static [u32],
    pub(super) marker: Marker,
}

/// The look of series `index`.
pub(super) fn look(index: usize) -> Look {
    let colour = OKABE_ITO[index % OKABE_ITO.len()];
    Look {
        colour,
        text: readable(colour),
        dashes: DASHES[index % DASHES.len()],
        marker: MARKERS[index % MARKERS.len()],
    }
}

/// Darkens in steps of 5 % until the contrast with white reaches 4.5 to 1
/// (WCAG 2.2, success criterion 1.4.3).
fn readable(colour: Colour) -> Colour {
    let Colour(red, green, blue) = colour;
    (0..=20)
        .map(|step| {
            let keep = |part: u8| (f64::from(part) * (1.0 - 0.05 * f64::from(step))).round() as u8;
            Colour(keep(red), keep(green), keep(blue))
        })
        .find(|&darker| contrast_with_white(darker) >= 4.5)
        .unwrap_or(INK)
}

/// WCAG 2.2: (L1 + 0.05) / (L2 + 0.05) with relative luminance L.
fn contrast_with_white(Colour(red, green, blue): Colour) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            libm::pow((part + 0.055) / 1.055, 2.4)
        }
    };
    1.05 / (0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_readable_on_white() {
        for index in 0..7 {
            assert!(contrast_with_white(look(index).text) >= 4.5, "{index}");
        }
        assert!(contrast_with_white(GREY) >= 4.5);
        assert!((contrast_with_white(Colour(0, 0, 0)) - 21.0).abs() < 1e-9);
    }

    #[test]
    fn twenty_eight_looks_differ() {
        for a in 0..28 {
            for b in 0..a {
                let (one, other) = (look(a), look(b));
                assert!(
                    one.colour != other.colour || one.dashes != other.dashes,
                    "{a} {b}"
                );
            }
        }
    }
}
