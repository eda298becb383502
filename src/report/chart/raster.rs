//! SVG to PNG, with the embedded font only.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::ChartError;
use super::font;

/// Pixels of the PNG per CSS pixel.
const DENSITY: f32 = 2.0;

/// The largest side of a picture in pixels: 2^14, which many viewers stop at too.
const LARGEST: f32 = 16_384.0;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(font::REGULAR.to_vec());
    fonts.load_font_data(font::BOLD.to_vec());
    fonts.set_sans_serif_family(font::NAME);
    Arc::new(fonts)
});

/// Turns an SVG document into a PNG with two pixels per CSS pixel, on white.
///
/// # Errors
///
/// [`ChartError::Svg`] when the text is not an SVG, [`ChartError::Png`] when it is
/// larger than 8192 CSS pixels on a side or the encoder fails.
pub fn png(svg: &str) -> Result<Vec<u8>, ChartError> {
    let options = usvg::Options {
        fontdb: Arc::clone(&FONTS),
        font_family: font::NAME.to_owned(),
        ..Default::default()
    };
    let tree =
        usvg::Tree::from_str(svg, &options).map_err(|error| ChartError::Svg(error.to_string()))?;
    let (width, height) = (
        tree.size().width() * DENSITY,
        tree.size().height() * DENSITY,
    );
    if width > LARGEST || height > LARGEST {
        return Err(ChartError::Png(format!(
            "{width} by {height} pixels are too many"
        )));
    }
    let mut pixels = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
        .ok_or_else(|| ChartError::Png("it has no size".to_owned()))?;
    pixels.fill(Color::WHITE);
    resvg::render(
        &tree,
        Transform::from_scale(DENSITY, DENSITY),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .map_err(|error| ChartError::Png(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(body: &str) -> Pixmap {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\">{body}</svg>"
        );
        Pixmap::decode_png(&png(&svg).unwrap()).unwrap()
    }

    fn dark(pixels: &Pixmap) -> usize {
        pixels
            .pixels()
            .iter()
            .filter(|pixel| pixel.red() < 128)
            .count()
    }

    #[test]
    fn has_two_pixels_per_css_pixel_on_white() {
        let pixels = picture("");
        assert_eq!((pixels.width(), pixels.height()), (80, 40));
        assert!(
            pixels
                .pixels()
                .iter()
                .all(|pixel| (pixel.red(), pixel.alpha()) == (255, 255))
        );
    }

    #[test]
    fn text_is_drawn_and_bold_is_bolder() {
        let text = |weight| {
            dark(&picture(&format!(
                "<text y=\"16\" font-weight=\"{weight}\">≤ 5 %</text>"
            )))
        };
        assert!(text("normal") > 50);
        assert!(text("bold") > text("normal"));
    }

    #[test]
    fn what_is_not_svg_is_an_error() {
        for text in [
            "",
            "hello",
            "<svg",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\" height=\"5\"/>",
        ] {
            assert!(matches!(png(text), Err(ChartError::Svg(_))), "{text}");
        }
        let huge = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9000\" height=\"5\"/>";
        assert!(matches!(png(huge), Err(ChartError::Png(_))));
    }
}
