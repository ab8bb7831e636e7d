//! A few read-only connections, used on blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use stoa_core::{Error, Result};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::QUEUE_WAIT;
use crate::errors::{overloaded, sql};
use crate::memory::Memory;
use crate::open;

/// See the module.
pub(crate) struct Readers {
    path: PathBuf,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// Opens one connection now, so that a fault shows at start; the others when first needed.
    pub(crate) fn open(path: &Path, count: usize) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            free: Arc::new(Semaphore::new(count.max(1))),
            idle: Arc::new(Mutex::new(vec![open::reader(path)?])),
        })
    }

    /// Runs `read` in one snapshot of the file, and answers when memory is as current as that.
    pub(crate) async fn read<T, F>(&self, memory: &Arc<Memory>, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = timeout(QUEUE_WAIT, self.free.clone().acquire_owned())
            .await
            .map_err(|_| overloaded("no read connection became free"))?
            .map_err(|_| Error::internal_error("the read connections are closed"))?;
        let (path, idle, memory) = (self.path.clone(), self.idle.clone(), memory.clone());
        let work = tokio::task::spawn_blocking(move || {
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut conn = pooled.map_or_else(|| open::reader(&path), Ok)?;
            let result = snapshot(&mut conn, read);
            memory.gate.settle();
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            drop(permit);
            result
        });
        work.await.map_err(|e| Error::internal_error(format!("a store read panicked: {e}")))?
    }
}

fn snapshot<T>(conn: &mut Connection, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let tx = conn.transaction().map_err(sql("begin a read"))?;
    let result = read(&tx)?;
    tx.commit().map_err(sql("end a read"))?;
    Ok(result)
}
