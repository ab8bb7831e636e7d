//! Dependencies between our crates point inward only. The table is the one of ARCHITECTURE.md.

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crate, and what it may depend on. A crate that is not listed may not exist.
const ALLOWED: &[(&str, &[&str])] = &[
    ("stoa-core", &[]),
    ("stoa-testkit", &["stoa-core"]),
    // Compares stores with the store of maps.
    ("stoa-store-contract", &["stoa-core", "stoa-testkit"]),
    ("stoa-store-sqlite", &["stoa-core"]),
    ("stoa-store-postgres", &["stoa-core"]),
    ("stoa-sfu", &["stoa-core"]),
    ("stoa-hub", &["stoa-core"]),
    ("stoa-vendor", &["stoa-core"]),
    ("stoa-board", &["stoa-core"]),
    ("stoa-api", &["stoa-core"]),
    ("stoa-api-voice", &["stoa-core", "stoa-api", "stoa-vendor"]),
    ("stoa-api-class", &["stoa-core", "stoa-api", "stoa-vendor"]),
    ("stoa-api-talk", &["stoa-core", "stoa-api"]),
    ("stoa-api-hub", &["stoa-core", "stoa-api"]),
    ("stoa-api-console", &["stoa-core", "stoa-api"]),
    (
        "stoa",
        &[
            "stoa-core",
            "stoa-store-sqlite",
            "stoa-store-postgres",
            "stoa-sfu",
            "stoa-hub",
            "stoa-vendor",
            "stoa-api",
            "stoa-api-voice",
            "stoa-api-class",
            "stoa-api-talk",
            "stoa-api-hub",
            "stoa-api-console",
            "stoa-board",
        ],
    ),
    // Measures the store without a server around it, beside the raw database.
    ("stoa-load", &["stoa-core", "stoa-store-sqlite"]),
    ("xtask", &[]),
];

/// What the tests of any crate may import besides.
const ALLOWED_IN_TESTS: &[&str] = &["stoa-core", "stoa-store-contract", "stoa-store-sqlite", "stoa-testkit"];

/// Crates that only one of ours may name: the rest goes through a port.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rusqlite", &["stoa-store-sqlite", "stoa-load"]),
    ("sqlx", &["stoa-store-postgres"]),
    ("str0m", &["stoa-sfu", "stoa-load"]),
    ("yrs", &["stoa-board"]),
    ("resvg", &["stoa-board"]),
    ("confique", &["stoa"]),
    ("anyhow", &["stoa", "stoa-load", "xtask"]),
];

/// What `core` may name of the world. Anything that does IO, reads a clock or runs tasks is not in here.
const CORE_MAY_USE: &[&str] = &[
    "async-trait",
    "thiserror",
    "serde",
    "secrecy",
    "proptest",
    "tokio",
    "serde_json",
    "base64",
    "sha2",
    "futures-util",
];

/// Reads `cargo metadata` and compares.
///
/// # Errors
/// Names every edge that is not allowed.
pub fn check() -> anyhow::Result<String> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let (edges, wrong) = compare(&metadata);
    if wrong.is_empty() {
        Ok(format!("graph: {edges} edges between {} crates, all allowed", metadata.packages.len()))
    } else {
        bail!("edges that the table does not allow:\n  {}", wrong.join("\n  "))
    }
}

fn list<'a>(table: &'a [(&str, &[&'static str])], name: &str) -> Option<&'a [&'static str]> {
    table.iter().find(|(n, _)| *n == name).map(|(_, l)| *l)
}

fn compare(metadata: &Metadata) -> (usize, Vec<String>) {
    let ours: Vec<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong = Vec::new();
    let mut edges = 0;
    for p in &metadata.packages {
        let name = p.name.as_str();
        let Some(allowed) = list(ALLOWED, name) else {
            wrong.push(format!("{name}: not in the table"));
            continue;
        };
        for d in &p.dependencies {
            let to = d.name.as_str();
            let test = d.kind == DependencyKind::Development;
            let in_tests = test && ALLOWED_IN_TESTS.contains(&to);
            if ours.contains(&to) {
                edges += 1;
                if !allowed.contains(&to) && !in_tests {
                    wrong.push(format!("{name} -> {to}{}", if test { " (in tests)" } else { "" }));
                }
            } else if !test && list(ONLY_IN, to).is_some_and(|l| !l.contains(&name)) {
                wrong.push(format!("{name} -> {to}: only for {}", list(ONLY_IN, to).unwrap_or_default().join(", ")));
            } else if name == "stoa-core" && !CORE_MAY_USE.contains(&to) {
                wrong.push(format!("{name} -> {to}: core does no IO and has no runtime"));
            }
        }
    }
    (edges, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_crates_that_exist_and_edges_point_inward() {
        let metadata = MetadataCommand::new().no_deps().exec().unwrap();
        let (edges, wrong) = compare(&metadata);
        assert!(edges > 5);
        assert!(wrong.is_empty(), "{wrong:?}");
        for (name, to) in ALLOWED {
            let at = |n: &str| ALLOWED.iter().position(|(x, _)| *x == n);
            assert!(to.iter().all(|t| at(t) < at(name)), "{name}: a row may name earlier rows only");
        }
    }

    #[test]
    fn an_edge_outward_is_found() {
        let mut metadata = MetadataCommand::new().no_deps().exec().unwrap();
        let bin = metadata.packages.iter().find(|p| p.name.as_str() == "stoa").unwrap().clone();
        let edge = bin.dependencies.iter().find(|d| d.name == "stoa-api").unwrap().clone();
        let core = metadata.packages.iter_mut().find(|p| p.name.as_str() == "stoa-core").unwrap();
        core.dependencies.push(edge);
        assert_eq!(compare(&metadata).1, ["stoa-core -> stoa-api"]);
    }
}
