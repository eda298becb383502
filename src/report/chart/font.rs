//! The embedded font and the width of text in it.
//!
//! Advances come from the font's own `cmap` (format 4) and `hmtx` tables
//! (OpenType 1.9), so the measure and the raster agree. Kerning is left out:
//! it makes text a little narrower, never wider.

use std::sync::LazyLock;

/// The family as named in the SVG: readers without it fall back to a font that is narrower.
pub(super) const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// The name under which the embedded faces are known.
pub(super) const NAME: &str = "Inter";

pub(super) static REGULAR: &[u8] = include_bytes!("font/Inter-Regular.ttf");
pub(super) static BOLD: &[u8] = include_bytes!("font/Inter-Bold.ttf");

static REGULAR_ADVANCES: LazyLock<Advances> = LazyLock::new(|| Advances::of(REGULAR));
static BOLD_ADVANCES: LazyLock<Advances> = LazyLock::new(|| Advances::of(BOLD));

/// The weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Width of a character that the font lacks, in em: East Asian and emoji
/// glyphs of a fallback font fill their em square.
const MISSING: f64 = 1.0;

/// Advance widths in em, sorted by character.
struct Advances(Vec<(u16, f64)>);

impl Advances {
    /// A font that cannot be read has no advances; every character then counts as [`MISSING`].
    fn of(font: &[u8]) -> Self {
        Self(read(font).unwrap_or_default())
    }

    fn of_char(&self, character: char) -> f64 {
        u16::try_from(u32::from(character))
            .ok()
            .and_then(|code| self.0.binary_search_by_key(&code, |entry| entry.0).ok())
            .map_or(MISSING, |index| self.0[index].1)
    }
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(
        data.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize)
}

fn table<'a>(font: &'a [u8], tag: &[u8; 4]) -> Option<&'a [u8]> {
    let record = (0..usize::from(u16_at(font, 4)?))
        .map(|table| 12 + 16 * table)
        .find(|&record| font.get(record..record + 4) == Some(tag))?;
    font.get(u32_at(font, record + 8)?..)
}

fn read(font: &[u8]) -> Option<Vec<(u16, f64)>> {
    let em = f64::from(u16_at(table(font, b"head")?, 18)?);
    let full = usize::from(u16_at(table(font, b"hhea")?, 34)?);
    let hmtx = table(font, b"hmtx")?;
    let cmap = table(font, b"cmap")?;
    let subtable = (0..usize::from(u16_at(cmap, 2)?))
        .filter_map(|entry| cmap.get(u32_at(cmap, 4 + 8 * entry + 4)?..))
        .find(|subtable| u16_at(subtable, 0) == Some(4))?;
    let twice = usize::from(u16_at(subtable, 6)?);
    let mut advances = Vec::new();
    for segment in 0..twice / 2 {
        let end = u16_at(subtable, 14 + 2 * segment)?;
        let start = u16_at(subtable, 16 + twice + 2 * segment)?;
        let delta = u16_at(subtable, 16 + 2 * twice + 2 * segment)?;
        let place = 16 + 3 * twice + 2 * segment;
        let offset = usize::from(u16_at(subtable, place)?);
        for code in start..=end {
            let glyph = match offset {
                0 => code.wrapping_add(delta),
                _ => match u16_at(subtable, place + offset + 2 * usize::from(code - start))? {
                    0 => 0,
                    glyph => glyph.wrapping_add(delta),
                },
            };
            if glyph != 0 {
                let metric = usize::from(glyph).min(full.checked_sub(1)?);
                advances.push((code, f64::from(u16_at(hmtx, 4 * metric)?) / em));
            }
        }
    }
    advances.sort_by_key(|entry| entry.0);
    Some(advances)
}

/// Width of `text` in pixels at `size` pixels per em.
pub(super) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let advances = match weight {
        Weight::Regular => &REGULAR_ADVANCES,
        Weight::Bold => &BOLD_ADVANCES,
    };
    text.chars()
        .map(|character| advances.of_char(character))
        .sum::<f64>()
        * size
}

/// `text`, or as much of its beginning as fits with an ellipsis.
pub(super) fn ellipsise(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size, weight);
    let mut used = 0.0;
    let mut kept = String::new();
    for character in text.chars() {
        used += width(character.encode_utf8(&mut [0; 4]), size, weight);
        if used > room {
            break;
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// `text` in at most `most` lines of at most `room` pixels, broken at spaces
/// where there are any; what does not fit is cut off with an ellipsis.
pub(super) fn wrap(text: &str, size: f64, weight: Weight, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text
        .split([' ', '\n', '\t'])
        .filter(|word| !word.is_empty())
        .peekable();
    while words.peek().is_some() {
        if lines.len() + 1 >= most {
            let rest: Vec<&str> = words.collect();
            lines.push(ellipsise(&rest.join(" "), size, weight, room));
            break;
        }
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() {
                (*word).to_owned()
            } else {
                format!("{line} {word}")
            };
            if !line.is_empty() && width(&longer, size, weight) > room {
                break;
            }
            line = longer;
            words.next();
        }
        lines.push(ellipsise(&line, size, weight, room));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_are_those_of_inter() {
        // Inter 4.001, units of 1/2048 em, as its hmtx table lists them.
        for (text, weight, units) in INTER {
            let expected = f64::from(*units) / 2048.0 * 100.0;
            assert!(
                (width(text, 100.0, *weight) - expected).abs() < 1e-9,
                "{text}"
            );
        }
    }

    const INTER: &[(&str, Weight, u32)] = &[
        ("A", Weight::Regular, 1413),
        ("%", Weight::Regular, 2011),
        ("−", Weight::Regular, 1355),
        ("ž", Weight::Bold, 1173),
    ];

    #[test]
    fn a_character_without_glyph_has_a_width() {
        assert_eq!(width("漢", 10.0, Weight::Regular), 10.0);
        assert_eq!(width("🔥", 10.0, Weight::Bold), 10.0);
    }

    #[test]
    fn wrapped_lines_fit_and_keep_the_words() {
        let text = "one two three four five six seven";
        let lines = wrap(text, 14.0, Weight::Regular, 90.0, 9);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), text);
        for line in &lines {
            assert!(width(line, 14.0, Weight::Regular) <= 90.0, "{line}");
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        for (text, most) in [
            ("incomprehensibilities", 3),
            ("a b c d e f g h i j k l m", 1),
            ("ÄÖÜ漢漢漢漢漢漢", 2),
        ] {
            let lines = wrap(text, 14.0, Weight::Bold, 60.0, most);
            assert!(lines.len() <= most);
            assert!(lines.last().unwrap().ends_with('…'), "{lines:?}");
            assert!(
                lines
                    .iter()
                    .all(|line| width(line, 14.0, Weight::Bold) <= 60.0),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn no_text_has_no_lines() {
        assert!(wrap("", 14.0, Weight::Regular, 60.0, 2).is_empty());
        assert!(wrap("   ", 14.0, Weight::Regular, 60.0, 2).is_empty());
    }
}
