//! `stoa dev` and `stoa serve`

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{DEFAULT_CONFIG, Failure, Outcome, sources, usage};
use crate::cli::{Dev, Serve, exit};
use crate::config::template::{FirstApp, render};
use crate::config::{DEV_DEFAULTS, checks};
use crate::run::{self, Start};
use crate::{entropy, files};

pub fn dev(args: Dev) -> Outcome {
    let mut sources = sources(&args.common);
    // Zero configuration: a file that happens to lie here belongs to `serve`.
    sources.file.clone_from(&args.common.config);
    DEV_DEFAULTS.clone_into(&mut sources.command_defaults);
    let flags = [("http.listen", args.listen), ("media.udp_port", args.media_port.map(|p| p.to_string()))];
    sources.sets.extend(flags.into_iter().filter_map(|(k, v)| v.map(|v| format!("{k}={v}"))));
    start(Start { sources, dev: true, banner: !args.quiet, simulate: args.simulate, pages: args.pages })
}

pub fn serve(args: Serve) -> Outcome {
    let mut sources = sources(&args.common);
    let file = args.common.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if !file.exists() {
        first_start(&file)?;
    }
    sources.file = Some(file);
    start(Start { sources, dev: false, banner: false, simulate: None, pages: None })
}

fn first_start(file: &Path) -> Result<(), Failure> {
    let app = FirstApp { key: entropy::name_text("sk"), secret: entropy::secret_text() };
    files::create_private(file, &render(Some(&app)))?;
    println!("First start: wrote {} (mode 0600) with app 1000 and a random secret.", file.display());
    println!("Every key is in there with its meaning. Next: `stoa user add NAME --admin`, then log in.");
    Ok(())
}

fn start(start: Start) -> Outcome {
    let loaded = start.sources.load().map_err(usage)?;
    let findings = checks::check(&loaded.settings);
    if !findings.errors.is_empty() {
        return Err(usage(anyhow!("the configuration is not usable:\n  {}", findings.errors.join("\n  "))));
    }
    run::run(start, loaded, findings)?;
    Ok(exit::OK)
}
