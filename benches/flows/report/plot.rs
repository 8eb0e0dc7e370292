//! Plots of what was varied: rates in one file, times in another.

use std::path::Path;

use flows::prelude::*;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::{Point, Series};
use crate::stats::Spread;

/// A line of a plot: its name, its colour, where it goes.
type Curve = (&'static str, RGBColor, Vec<(f64, f64)>);

/// Writes `NAME.svg`, and `NAME-latency.svg` where times were taken.
pub(crate) fn write(directory: &Path, series: &[Series]) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    for one in series {
        let rates = vec![(one.unit, BLUE, values(one, |point| Some(point.rate)))];
        draw(&directory.join(format!("{}.svg", one.name)), one, one.unit, rates)?;
        let time = |of: fn(&Spread) -> f64| values(one, move |point| point.times.as_ref().map(of));
        let times = vec![
            ("p50", GREEN, time(|times| times.p50)),
            ("p99", BLUE, time(|times| times.p99)),
            ("p99.9", RED, time(|times| times.p999)),
        ];
        if times.iter().any(|(.., values)| !values.is_empty()) {
            draw(&directory.join(format!("{}-latency.svg", one.name)), one, "ms", times)?;
        }
    }
    Ok(())
}

fn values(series: &Series, of: impl Fn(&Point) -> Option<f64>) -> Vec<(f64, f64)> {
    series.points.iter().filter_map(|point| Some((point.at, of(point)?))).collect()
}

/// Times, and numbers of runs, span powers of ten; other axes are linear.
fn draw(path: &Path, series: &Series, unit: &str, curves: Vec<Curve>) -> Result<()> {
    let points = || curves.iter().flat_map(|(.., values)| values);
    let (mut last, mut highest, mut lowest) = (1.0_f64, 1.0_f64, f64::MAX);
    for (x, y) in points() {
        (last, highest, lowest) = (last.max(*x), highest.max(*y), lowest.min(*y));
    }
    let wide = last > 200.0;
    match (wide, unit) {
        (true, "ms") => chart(
            path,
            series,
            unit,
            (1.0..last).log_scale(),
            (lowest * 0.8..highest * 1.25).log_scale(),
            &curves,
        ),
        (true, _) => {
            chart(path, series, unit, (1.0..last).log_scale(), 0.0..highest * 1.1, &curves)
        }
        (false, "ms") => chart(
            path,
            series,
            unit,
            0.0..last * 1.05,
            (lowest * 0.8..highest * 1.25).log_scale(),
            &curves,
        ),
        (false, _) => chart(path, series, unit, 0.0..last * 1.05, 0.0..highest * 1.1, &curves),
    }
    .map_err(|error| Error::terminal(format!("cannot draw {}: {error}", path.display())))
}

fn chart<X, Y>(
    path: &Path,
    series: &Series,
    unit: &str,
    x: X,
    y: Y,
    curves: &[Curve],
) -> std::result::Result<(), Box<dyn std::error::Error>>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let area = SVGBackend::new(path, (720, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(x, y)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc(series.x).y_desc(unit).draw()?;
    for (name, colour, values) in curves {
        let colour = *colour;
        let line = LineSeries::new(values.iter().copied(), colour.stroke_width(2)).point_size(3);
        let drawn = chart.draw_series(line)?.label(*name);
        drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    Ok(area.present()?)
}
