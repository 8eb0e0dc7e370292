//! What was measured, what was hoped for, and what the machine allows.

pub(crate) mod json;
pub(crate) mod plot;
pub(crate) mod table;

use serde::Serialize;

use crate::stats::{Spread, median};

/// Which of two figures is the better one.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// A line of the table.
#[derive(Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) workload: &'static str,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The median of the rounds.
    pub(crate) measured: f64,
    pub(crate) rounds: Vec<f64>,
    /// What the design hopes for.
    pub(crate) budget: Option<f64>,
    /// The bare program: durable writes in batches, nothing else.
    pub(crate) bare: Option<f64>,
    /// The writes of this library's protocol, without an engine.
    pub(crate) protocol: Option<f64>,
    /// The share of the protocol's floor that the design hopes for.
    pub(crate) share_budget: Option<f64>,
    pub(crate) details: Vec<Detail>,
}

/// Something else that is worth knowing.
#[derive(Clone, Serialize)]
pub(crate) struct Detail {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

impl Line {
    fn new(
        workload: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        better: Better,
        rounds: Vec<f64>,
    ) -> Self {
        Self {
            workload,
            name: name.into(),
            unit,
            better,
            measured: median(&rounds),
            rounds,
            budget: None,
            bare: None,
            protocol: None,
            share_budget: None,
            details: Vec::new(),
        }
    }

    /// A rate: the more the better.
    pub(crate) fn rate(
        workload: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        rounds: Vec<f64>,
    ) -> Self {
        Self::new(workload, name, unit, Better::Higher, rounds)
    }

    /// A cost: the less the better.
    pub(crate) fn cost(
        workload: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
    ) -> Self {
        Self::new(workload, name, unit, Better::Lower, vec![value])
    }

    pub(crate) fn budget(mut self, budget: f64) -> Self {
        self.budget = Some(budget);
        self
    }

    pub(crate) fn floors(mut self, bare: f64, protocol: f64) -> Self {
        (self.bare, self.protocol) = (Some(bare), Some(protocol));
        self
    }

    pub(crate) fn share_budget(mut self, share: f64) -> Self {
        self.share_budget = Some(share);
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: f64, unit: &'static str) -> Self {
        self.details.push(Detail { name: name.to_owned(), value, unit });
        self
    }

    pub(crate) fn of_bare(&self) -> Option<f64> {
        Some(self.measured / self.bare?)
    }

    pub(crate) fn of_protocol(&self) -> Option<f64> {
        Some(self.measured / self.protocol?)
    }

    /// Whether the budget was met, if there is one.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.reaches(self.measured, self.budget?))
    }

    /// Whether the share of the protocol's floor was what was hoped for.
    pub(crate) fn share_met(&self) -> Option<bool> {
        Some(self.reaches(self.of_protocol()?, self.share_budget?))
    }

    fn reaches(&self, value: f64, goal: f64) -> bool {
        match self.better {
            Better::Higher => value >= goal,
            Better::Lower => value <= goal,
        }
    }
}

/// What is drawn: figures over something that was varied.
#[derive(Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// What was varied.
    pub(crate) x: &'static str,
    /// Of the rates.
    pub(crate) unit: &'static str,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone, Serialize)]
pub(crate) struct Point {
    pub(crate) at: f64,
    pub(crate) rate: f64,
    pub(crate) times: Option<Spread>,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    pub(crate) series: Vec<Series>,
}

impl From<Vec<Line>> for Report {
    fn from(lines: Vec<Line>) -> Self {
        Self { lines, series: Vec::new() }
    }
}

impl From<(Vec<Line>, Series)> for Report {
    fn from((lines, series): (Vec<Line>, Series)) -> Self {
        Self { lines, series: vec![series] }
    }
}

impl Report {
    pub(crate) fn extend(&mut self, more: impl Into<Self>) {
        let more = more.into();
        self.lines.extend(more.lines);
        self.series.extend(more.series);
    }
}
