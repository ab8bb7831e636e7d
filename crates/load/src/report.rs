//! The table of `make bench`, and its JSON twin.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// One figure. A bar that is not met is shown, never an error: a busy machine is no defect of the code.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What is measured.
    pub figure: String,
    /// Ours, as text with unit and spread.
    pub value: String,
    /// The baseline of the same run, or a dash.
    pub baseline: String,
    /// Ours to baseline, or a dash.
    pub ratio: String,
    /// The bar as words, or a dash.
    pub bar: String,
    /// Whether it is met; `None` without a bar.
    pub met: Option<bool>,
    /// The numbers behind the texts.
    pub raw: serde_json::Value,
}

impl Row {
    /// A row with neither baseline nor bar.
    #[must_use]
    pub fn new(figure: &str, value: String) -> Self {
        let dash = || "–".to_owned();
        Self {
            figure: figure.into(),
            value,
            baseline: dash(),
            ratio: dash(),
            bar: dash(),
            met: None,
            raw: serde_json::Value::Null,
        }
    }

    /// Adds the baseline and the ratio to it.
    #[must_use]
    pub fn against(mut self, baseline: String, ratio: f64) -> Self {
        self.baseline = baseline;
        self.ratio = format!("{ratio:.2}×");
        self
    }

    /// Adds the bar.
    #[must_use]
    pub fn bar(mut self, bar: &str, met: bool) -> Self {
        self.bar = bar.into();
        self.met = Some(met);
        self
    }

    /// Adds the numbers.
    #[must_use]
    pub fn raw(mut self, raw: serde_json::Value) -> Self {
        self.raw = raw;
        self
    }
}

/// Everything a run found out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Machine, kernel, binary.
    pub conditions: Vec<String>,
    /// The table.
    pub rows: Vec<Row>,
    /// What could not be measured, with the reason.
    pub failed: Vec<(String, String)>,
}

impl Report {
    /// The table as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![["figure", "value", "baseline", "ratio", "bar", "met?"].map(str::to_owned)];
        for r in &self.rows {
            let met = match r.met {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "–",
            };
            lines.push([r.figure.as_str(), &r.value, &r.baseline, &r.ratio, &r.bar, met].map(str::to_owned));
        }
        let mut widths = [0; 6];
        for line in &lines {
            for (w, cell) in widths.iter_mut().zip(line) {
                *w = (*w).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        for c in &self.conditions {
            let _infallible = writeln!(out, "{c}");
        }
        for (i, line) in lines.iter().enumerate() {
            let cells: Vec<String> = line.iter().zip(widths).map(|(c, w)| format!("{c:<w$}")).collect();
            let _infallible = writeln!(out, "{}", cells.join(" | ").trim_end());
            if i == 0 {
                let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
                let _infallible = writeln!(out, "{}", rule.join("-|-"));
            }
        }
        for (what, why) in &self.failed {
            let _infallible = writeln!(out, "NOT MEASURED: {what}: {why}");
        }
        out
    }

    /// Writes the JSON twin.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, to: &Path) -> Result<()> {
        std::fs::write(to, serde_json::to_string_pretty(self)?).with_context(|| to.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_misses_stand_out() {
        let report = Report {
            conditions: vec!["one".into()],
            rows: vec![
                Row::new("idle memory", "12 MB".into()).bar("≤ 60 MB", true),
                Row::new("seats", "3/s".into()).against("1/s".into(), 3.0).bar("≥ 5×", false),
            ],
            failed: vec![("join".into(), "no server".into())],
        };
        let text = report.table();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[3].find('|').map(|b| lines[3][..b].chars().count()),
            lines[4].find('|').map(|b| lines[4][..b].chars().count())
        );
        assert!(lines[4].ends_with("| NO"), "{text}");
        assert!(lines[5].starts_with("NOT MEASURED: join"), "{text}");
    }
}
