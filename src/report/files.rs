use std::io::{self, Write};

use super::{
    Answer, Provenance, SeriesOf, differences_csv, estimates_csv, gates_csv, replications_csv,
    runs_csv, series_csv,
};

/// What writes one file, piece by piece.
pub type Content<'a> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a;

/// Gives all files of an answer but its manifest, each with its name, to `put`:
/// charts and the page that shows them (with the feature `charts`), CSV files
/// and the scenario. Returns the names of the charts.
///
/// # Errors
/// If `put` fails, or a chart cannot be drawn.
pub fn write_files<E: From<io::Error>>(
    answer: &Answer<'_>,
    provenance: &Provenance,
    series: SeriesOf,
    put: &mut impl FnMut(&str, &mut Content<'_>) -> Result<(), E>,
) -> Result<Vec<String>, E> {
    let charts = charts(answer, provenance, put)?;
    put("estimates.csv", &mut |file| {
        Ok(estimates_csv(answer, file)?)
    })?;
    put("replications.csv", &mut |file| {
        Ok(replications_csv(answer, file)?)
    })?;
    put("differences.csv", &mut |file| {
        Ok(differences_csv(answer, file)?)
    })?;
    put("runs.csv", &mut |file| Ok(runs_csv(answer, file)?))?;
    put("gates.csv", &mut |file| Ok(gates_csv(answer, file)?))?;
    put("series.csv", &mut |file| {
        Ok(series_csv(answer, series, file)?)
    })?;
    put("scenario.ron", &mut |file| {
        file.write_all(provenance.text.as_bytes())
    })?;
    Ok(charts)
}

#[cfg(feature = "charts")]
fn charts<E: From<io::Error>>(
    answer: &Answer<'_>,
    provenance: &Provenance,
    put: &mut impl FnMut(&str, &mut Content<'_>) -> Result<(), E>,
) -> Result<Vec<String>, E> {
    let mut names = Vec::new();
    let mut drawn = Vec::new();
    for figure in super::figures(answer) {
        let svg = super::chart::svg(&figure.chart).map_err(io::Error::other)?;
        let png = super::chart::png(&svg).map_err(io::Error::other)?;
        let [svg_name, png_name] = ["svg", "png"].map(|end| format!("{}.{end}", figure.name));
        put(&svg_name, &mut |file| file.write_all(svg.as_bytes()))?;
        put(&png_name, &mut |file| file.write_all(&png))?;
        names.push(png_name);
        drawn.push(svg);
    }
    let page = super::page(answer, provenance, &drawn);
    put("report.html", &mut |file| file.write_all(page.as_bytes()))?;
    Ok(names)
}

#[cfg(not(feature = "charts"))]
fn charts<E>(
    _: &Answer<'_>,
    _: &Provenance,
    _: &mut impl FnMut(&str, &mut Content<'_>) -> Result<(), E>,
) -> Result<Vec<String>, E> {
    Ok(Vec::new())
}
