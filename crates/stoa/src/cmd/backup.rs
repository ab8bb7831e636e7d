//! `stoa backup`

use anyhow::anyhow;
use serde_json::json;

use super::{Outcome, load, usage};
use crate::cli::{Backup, exit};
use crate::stores::{self, Kind};

pub fn run(args: Backup) -> Outcome {
    let settings = load(&args.common)?.settings;
    let Kind::Sqlite(file) = stores::kind(&settings) else {
        return Err(usage(anyhow!(
            "the store is PostgreSQL: back it up with its own tools, like `pg_dump --format=custom --file={} DATABASE`",
            args.dest.display()
        )));
    };
    if !file.exists() {
        return Err(usage(anyhow!("there is no database {}: name the folder with --data or --config", file.display())));
    }
    stoa_store_sqlite::backup_file(&file, &args.dest).map_err(|e| anyhow!("{}", stores::explain(&e)))?;
    let bytes = std::fs::metadata(&args.dest)?.len();
    if args.json {
        println!("{}", json!({ "file": args.dest, "bytes": bytes }));
    } else {
        println!("{}: {bytes} bytes, complete and flushed to disk", args.dest.display());
        println!(
            "To restore: stop the server and put it in the place of {} (remove the -wal and -shm files)",
            file.display()
        );
    }
    Ok(exit::OK)
}
