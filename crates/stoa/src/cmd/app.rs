//! `stoa app`

use std::path::PathBuf;

use anyhow::anyhow;
use serde_json::json;

use super::{DEFAULT_CONFIG, Failure, Outcome, load, usage};
use crate::admin::{self, Answer, Ask};
use crate::cli::{AppCommand, Common, exit};
use crate::config::apps::{self, NewPair};

pub fn run(command: AppCommand) -> Outcome {
    match command {
        AppCommand::Add { name, id, json, common } => {
            let file = file(&common)?;
            let pair = apps::add(&file, &name, id)?;
            told(&pair, "added", json, &common)
        }
        AppCommand::Rotate { id, json, common } => {
            let file = file(&common)?;
            if !load(&common)?.settings.apps.iter().any(|a| a.app_id == id) {
                let error = anyhow!("{} has no app {id}", file.display());
                return Err(Failure { error, exit: exit::NOT_FOUND });
            }
            let pair = apps::rotate(&file, id)?;
            told(&pair, "has a new secret (the old one still verifies)", json, &common)
        }
        AppCommand::List { json, common } => {
            let apps = load(&common)?.settings.apps;
            if json {
                let row = |a: &crate::config::AppCfg| {
                    json!({ "app_id": a.app_id, "name": a.name, "appkey": a.appkey, "enabled": a.enabled,
                            "previous_secrets": a.previous_appsecrets.0.len() })
                };
                println!("{}", serde_json::Value::Array(apps.iter().map(row).collect()));
            } else {
                for a in &apps {
                    let state = if a.enabled { "" } else { "  disabled" };
                    println!("{:<10} {:<24} {}{state}", a.app_id, a.appkey, a.name);
                }
            }
            Ok(exit::OK)
        }
    }
}

fn file(common: &Common) -> Result<PathBuf, Failure> {
    let file = common.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if file.exists() {
        Ok(file)
    } else {
        Err(usage(anyhow!("there is no {}: `stoa serve` writes one, or name it with --config", file.display())))
    }
}

fn told(pair: &NewPair, what: &str, as_json: bool, common: &Common) -> Outcome {
    let reloaded = reload(common)?;
    if as_json {
        println!(
            "{}",
            json!({ "app_id": pair.app_id, "appkey": pair.key, "appsecret": pair.secret, "in_force": reloaded.is_some() })
        );
    } else {
        println!("app {} {what}", pair.app_id);
        println!("  appkey    {}", pair.key);
        println!("  appsecret {}", pair.secret);
        println!(
            "{}",
            reloaded.unwrap_or_else(|| "No server is running here; it counts from the next start.".to_owned())
        );
    }
    Ok(exit::OK)
}

/// Tells a running server; its answer, or `None` when there is none.
fn reload(common: &Common) -> Result<Option<String>, Failure> {
    let dir = load(common)?.settings.server.data_dir;
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match rt.block_on(admin::ask(&dir, &Ask::Reload))? {
        None => Ok(None),
        Some(Answer::Failed { text, exit }) => {
            Err(Failure { error: anyhow!("the file is written, but the running server refuses it: {text}"), exit })
        }
        Some(_) => Ok(Some("The running server has it.".to_owned())),
    }
}
