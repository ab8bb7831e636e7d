//! Checks of the repository that `cargo` itself does not make. `cargo run -p xtask -- graph`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each of our crates may import from the others. Dependencies point inward: a missing line or a missing
/// name is an error, so that a new edge is a decision somebody made here.
const MAY: &[(&str, &[&str])] = &[
    ("stoa-core", &[]),
    ("stoa-store-contract", &["stoa-core"]),
    ("stoa-store-sqlite", &["stoa-core"]),
    ("stoa-store-postgres", &["stoa-core"]),
    ("stoa-sfu", &["stoa-core"]),
    ("stoa-vendor", &["stoa-core"]),
    ("stoa-api", &["stoa-core"]),
    // The dialect chooses between our own tokens and a vendor's; the signers are pure functions.
    ("stoa-api-voice", &["stoa-core", "stoa-api", "stoa-vendor"]),
    (
        "stoa",
        &[
            "stoa-core",
            "stoa-store-sqlite",
            "stoa-store-postgres",
            "stoa-sfu",
            "stoa-vendor",
            "stoa-api",
            "stoa-api-voice",
        ],
    ),
    // Measures the store without a server around it, beside the raw database.
    ("stoa-load", &["stoa-core", "stoa-store-sqlite"]),
    ("xtask", &[]),
];

/// What the tests of any crate may import besides.
const TESTS_MAY: &[&str] = &["stoa-core", "stoa-store-contract", "stoa-store-sqlite"];

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("graph") => graph(),
        _ => Err(anyhow::anyhow!("usage: cargo run -p xtask -- graph")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Fails on every edge between our crates that [`MAY`] does not list, and on crates it does not know.
fn graph() -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let may: BTreeMap<&str, &[&str]> = MAY.iter().copied().collect();
    let packages = metadata.workspace_packages();
    let ours: Vec<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package.name.as_str();
        let Some(allowed) = may.get(name) else {
            wrong.push(format!("{name}: not in the table of xtask/src/main.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let to = dependency.name.as_str();
            if !ours.contains(&to) {
                continue;
            }
            let in_tests = dependency.kind == DependencyKind::Development && TESTS_MAY.contains(&to);
            if !allowed.contains(&to) && !in_tests {
                wrong.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    println!("{} crates, every edge is a listed one", packages.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_points_inward() {
        let order: Vec<&str> = MAY.iter().map(|(name, _)| *name).collect();
        for (i, (name, allowed)) in MAY.iter().enumerate() {
            for to in *allowed {
                assert!(order[..i].contains(to), "{name} lists {to}, which stands after it");
            }
        }
    }
}
