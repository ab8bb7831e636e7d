//! `stoa doctor`: names what is wrong with a set-up, and the way out.

mod machine;
mod reach;

use serde::Serialize;

use super::{Outcome, sources};
use crate::cli::{Doctor, exit};
use crate::config::{DEV_DEFAULTS, Settings, checks};
use crate::ready;

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Will not work.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What.
    pub check: &'static str,
    /// How bad.
    pub level: Level,
    /// What was seen.
    pub found: String,
    /// What to do about it; empty when nothing.
    pub fix: String,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), fix: String::new() }
    }
    /// Works, but.
    pub fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), fix: fix.into() }
    }
    /// Will not work.
    pub fn fault(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Fault, found: found.into(), fix: fix.into() }
    }
}

/// What the checks look at.
pub struct Patient {
    /// The configuration.
    pub settings: Settings,
    /// The process that runs on the data folder, if any.
    pub running: Option<ready::Ready>,
    /// Web server whose clock is asked.
    pub time_from: Option<String>,
}

pub fn run(args: Doctor) -> Outcome {
    let mut sources = sources(&args.common);
    if sources.file.is_none() {
        DEV_DEFAULTS.clone_into(&mut sources.command_defaults);
    }
    let mut findings = Vec::new();
    match sources.load() {
        Err(e) => findings.push(Finding::fault(
            "configuration",
            format!("{e:#}"),
            "correct the key; `stoa config template` shows every key with its meaning",
        )),
        Ok(loaded) => {
            let f = checks::check(&loaded.settings);
            if f.errors.is_empty() {
                let from = sources.file.as_ref().map_or("defaults of `stoa dev`".into(), |p| p.display().to_string());
                findings.push(Finding::ok("configuration", from));
            }
            for e in f.errors {
                findings.push(Finding::fault("configuration", e, "change the key named"));
            }
            for w in f.warnings {
                findings.push(Finding::warn("configuration", w, "change the key named, or leave it on purpose"));
            }
            let running = ready::read(&loaded.settings.server.data_dir).filter(|r| machine::alive(r.pid));
            let patient = Patient { settings: loaded.settings, running, time_from: args.time_from };
            findings.extend(machine::look(&patient));
            let rt = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            findings.extend(rt.block_on(reach::look(&patient)));
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        show(&findings);
    }
    let faulty = findings.iter().any(|f| f.level == Level::Fault);
    Ok(if faulty { exit::FAULT } else { exit::OK })
}

fn show(findings: &[Finding]) {
    for f in findings {
        let mark = match f.level {
            Level::Ok => "ok   ",
            Level::Warn => "warn ",
            Level::Fault => "FAULT",
        };
        println!("{mark}  {:<14} {}", f.check, f.found);
        if !f.fix.is_empty() {
            println!("       {:<14} -> {}", "", f.fix);
        }
    }
    let n = findings.iter().filter(|f| f.level == Level::Fault).count();
    println!("\n{}", if n == 0 { "No fault found.".to_owned() } else { format!("{n} to fix.") });
}
