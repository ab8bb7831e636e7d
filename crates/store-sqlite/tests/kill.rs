//! `kill -9` at random moments under load.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use stoa_store_contract::crash::{Model, prepare, run_and_kill, to_stdout, write};
use stoa_store_contract::good;
use stoa_store_sqlite::{Config, SqliteStore};

/// Set for the process that is killed: its database.
const DATABASE: &str = "STOA_CRASH_DATABASE";
/// Set for the process that is killed: seed of what it does.
const SEED: &str = "STOA_CRASH_SEED";

/// Also what the killed process runs, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_nobody_kills_leaves_exactly_what_was_answered() {
    if let Some(path) = std::env::var_os(DATABASE) {
        let seed = std::env::var(SEED).unwrap().parse().unwrap();
        let store = Arc::new(good(SqliteStore::open(&Config::new(PathBuf::from(path)))));
        write(store, seed, u64::MAX, to_stdout).await;
        return;
    }
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(folder.path().join("stoa.db"));
    let store = Arc::new(good(SqliteStore::open(&config)));
    prepare(&*store).await;
    write(store, 1, 40, |line| LINES.lock().unwrap().push(line)).await;
    let mut model = Model::default();
    LINES.lock().unwrap().iter().for_each(|l| model.line(l));
    assert!(model.answers >= 24 * 40);
    model.check(&good(SqliteStore::open(&config))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_each_of_50_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stoa.db");
    let config = Config::new(&path);
    prepare(&good(SqliteStore::open(&config))).await;
    let mut model = Model::default();
    for round in 0..50 {
        let before = model.answers;
        let variables = [(DATABASE, path.to_str().unwrap()), (SEED, &format!("{round}"))];
        tokio::task::block_in_place(|| {
            let test = "a_writer_that_nobody_kills_leaves_exactly_what_was_answered";
            run_and_kill(&mut model, test, &variables, Duration::from_millis(150));
        });
        assert!(model.answers > before);
        model.check(&good(SqliteStore::open(&config))).await;
    }
    assert!(model.answers > 2_000, "hardly any load: {} answers", model.answers);
}

/// A disk that keeps only what was synced: see `powerloss.c`. Answers the library to preload.
fn forgetful_disk(folder: &Path) -> PathBuf {
    let library = folder.join("powerloss.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/powerloss.c");
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    let built = cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([source, "-ldl", "-lpthread"]).status();
    assert!(built.expect("a C compiler, as for SQLite itself").success());
    library
}

/// What the disk holds after the cut becomes the database, without shared memory, as after a reboot.
fn reboot(durable: &Path, path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let name = format!("stoa.db{ending}");
        let (from, to) = (durable.join(&name), path.with_file_name(&name));
        if from.exists() {
            std::fs::copy(from, to).expect("a copy");
        } else if to.exists() {
            std::fs::remove_file(to).expect("the old file removed");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_power_cuts_that_lose_unsynced_writes() {
    let folder = tempfile::tempdir().unwrap();
    let library = forgetful_disk(folder.path());
    let path = folder.path().join("stoa.db");
    let config = Config::new(&path);
    prepare(&good(SqliteStore::open(&config))).await;
    let mut model = Model::default();
    for round in 100..112 {
        let before = model.answers;
        let durable = folder.path().join(format!("durable-{round}"));
        std::fs::create_dir(&durable).unwrap();
        for ending in ["", "-wal"] {
            let name = format!("stoa.db{ending}");
            if path.with_file_name(&name).exists() {
                std::fs::copy(path.with_file_name(&name), durable.join(&name)).unwrap();
            }
        }
        let variables = [
            (DATABASE, path.to_str().unwrap()),
            (SEED, &format!("{round}")),
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("STOA_DURABLE", durable.to_str().unwrap()),
        ];
        tokio::task::block_in_place(|| {
            let test = "a_writer_that_nobody_kills_leaves_exactly_what_was_answered";
            run_and_kill(&mut model, test, &variables, Duration::from_millis(300));
        });
        assert!(model.answers > before);
        reboot(&durable, &path);
        model.check(&good(SqliteStore::open(&config))).await;
    }
}
