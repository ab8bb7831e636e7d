//! `stoa config`

use serde_json::json;

use super::{Outcome, sources};
use crate::cli::{ConfigCommand, exit};
use crate::config::{checks, template};

pub fn run(command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Template => {
            print!("{}", template::render(None));
            Ok(exit::OK)
        }
        ConfigCommand::Check { common, json } => {
            let sources = sources(&common);
            let (errors, warnings) = match sources.load() {
                Err(e) => (vec![format!("{e:#}")], Vec::new()),
                Ok(mut l) => {
                    let f = checks::check(&l.settings);
                    l.warnings.extend(f.warnings);
                    (f.errors, l.warnings)
                }
            };
            let code = if errors.is_empty() { exit::OK } else { exit::USAGE };
            if json {
                println!("{}", json!({ "ok": errors.is_empty(), "errors": errors, "warnings": warnings }));
            } else {
                errors.iter().for_each(|e| println!("error:   {e}"));
                warnings.iter().for_each(|w| println!("warning: {w}"));
                let file = sources.file.map_or_else(|| "defaults (no file)".to_owned(), |f| f.display().to_string());
                println!("{file}: {}", if errors.is_empty() { "good" } else { "not usable" });
            }
            Ok(code)
        }
    }
}
