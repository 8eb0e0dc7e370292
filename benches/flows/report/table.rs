//! The table on the screen.

use super::{Detail, Line};

/// Prints all lines; those without a floor or a budget leave the columns empty.
pub(crate) fn print(lines: &[Line]) {
    println!(
        "\n{:4} {:43} {:>18} {:>9} {:>4} {:>8} {:>9} {:>6} {:>4}",
        "", "workload", "measured", "budget", "met", "of bare", "of ours", "budget", "met"
    );
    for line in lines {
        println!(
            "{:4} {:43} {:>18} {:>9} {:>4} {:>8} {:>9} {:>6} {:>4}",
            line.workload,
            line.name,
            format!("{} {}", number(line.measured), line.unit),
            line.budget.map(number).unwrap_or_default(),
            verdict(line.met()),
            share(line.of_bare()),
            share(line.of_protocol()),
            share(line.share_budget),
            verdict(line.share_met()),
        );
        let details = floors(line).into_iter().chain(line.details.iter().map(detail));
        let details = details.collect::<Vec<_>>();
        if !details.is_empty() {
            println!("       {}", details.join(" · "));
        }
    }
    println!(
        "\nof bare, of ours: the share of the bare program and of our protocol's writes without an \
         engine, measured in the same run; for times, how many times as long."
    );
}

fn floors(line: &Line) -> Option<String> {
    let (bare, ours) = (number(line.bare?), number(line.protocol?));
    Some(format!("floors {bare} bare, {ours} ours"))
}

fn detail(Detail { name, value, unit }: &Detail) -> String {
    format!("{name} {} {unit}", number(*value)).trim_end().to_owned()
}

fn share(share: Option<f64>) -> String {
    share.map(|share| format!("{share:.2}")).unwrap_or_default()
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    }
}

/// Three digits for small numbers, groups of three for large ones.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        size if size >= 1_000.0 => grouped(&format!("{value:.0}")),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
