//! The one thread that writes, and group commit.
//!
//! A job runs in a savepoint of the batch's transaction; its answer leaves after the commit is
//! flushed. The next batch fills while that flush runs, so nothing ever waits for company.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use stoa_core::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::{BATCH_JOBS, BATCH_TIME, FOREIGN_WRITES, QUEUE_WAIT};
use crate::errors::{overloaded, sql};
use crate::memory::Memory;
use crate::tx::{Overlay, Tx};

const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// Something to write, whatever it returns.
trait Work: Send {
    /// Runs inside its savepoint; an error means it is rolled back.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Typed<F, T> {
    job: Option<F>,
    result: Option<T>,
    caller: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&mut Tx<'_>) -> Result<T> + Send> Work for Typed<F, T> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let job = self.job.take().ok_or_else(|| Error::internal_error("a store job ran twice"))?;
        self.result = Some(job(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let Self { result, caller, .. } = *self;
        let result = committed.and_then(|()| result.ok_or_else(|| Error::internal_error("a store job left no result")));
        // The caller may have gone away; what it wanted is done all the same.
        let _ = caller.send(result);
    }
}

struct Job {
    state: Arc<AtomicU8>,
    work: Box<dyn Work>,
}

/// The writer's handle: jobs go in here.
pub(crate) struct Writer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(conn: Connection, memory: Arc<Memory>, queue: usize) -> Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel(queue.max(1));
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || Loop { conn, memory, overlay: Overlay::default(), foreign: None }.run(&inbox))
            .map_err(|e| Error::internal_error(format!("start the writer thread: {e}")))?;
        Ok(Self { queue: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `job` in the next batch; answers when its commit is on disk.
    pub(crate) async fn submit<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(stopped)?;
        let (caller, mut answer) = oneshot::channel();
        let state = Arc::new(AtomicU8::new(QUEUED));
        let work = Box::new(Typed { job: Some(job), result: None, caller });
        match queue.try_send(Job { state: state.clone(), work }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(overloaded("the write queue is full")),
            Err(TrySendError::Disconnected(_)) => return Err(stopped()),
        }
        drop(queue);
        if let Ok(answered) = timeout(QUEUE_WAIT, &mut answer).await {
            return answered.unwrap_or_else(|_| Err(stopped()));
        }
        match state.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire) {
            // It never began and never will, so nothing is stored.
            Ok(_) => Err(overloaded("a job was not begun in time")),
            Err(_) => answer.await.unwrap_or_else(|_| Err(stopped())),
        }
    }

    /// Finishes what is queued and ends the thread. Blocks for that long.
    pub(crate) fn stop(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|t| t.join().is_err()) {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

fn stopped() -> Error {
    Error::internal_error("the store's writer has stopped")
}

struct Loop {
    conn: Connection,
    memory: Arc<Memory>,
    overlay: Overlay,
    /// Changes when another process has written to the file.
    foreign: Option<i64>,
}

impl Loop {
    fn run(mut self, inbox: &mpsc::Receiver<Job>) {
        loop {
            match inbox.recv_timeout(FOREIGN_WRITES) {
                Ok(first) => self.batch(first, inbox),
                Err(RecvTimeoutError::Timeout) => drop(self.notice_foreign_writes()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // Leaves one file behind where it can; the log is complete without it.
        if let Err(e) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(error = %e, "last checkpoint failed");
        }
    }

    /// A tool beside the server wrote to the file: what memory holds may be old. Inside a write
    /// transaction this is exact, for nobody else can write any more.
    fn notice_foreign_writes(&mut self) -> Result<()> {
        let now = self
            .conn
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut s| s.query_row([], |r| r.get(0)))
            .map_err(sql("look for foreign writes"))?;
        if self.foreign.replace(now).is_some_and(|was| was != now) {
            self.memory.clear();
        }
        Ok(())
    }

    fn batch(&mut self, first: Job, inbox: &mpsc::Receiver<Job>) {
        let begun = now();
        let mut done: Vec<(Box<dyn Work>, Result<()>)> = Vec::with_capacity(BATCH_JOBS);
        let mut transaction = exec(&self.conn, "BEGIN IMMEDIATE").and_then(|()| self.notice_foreign_writes());
        let mut wrote = false;
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if job.state.compare_exchange(QUEUED, STARTED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                let mut work = job.work;
                let result = match &transaction {
                    Ok(()) => self.job(work.as_mut(), &mut wrote),
                    Err(e) => Err(e.clone()),
                };
                done.push((work, result));
                if transaction.is_ok() && self.conn.is_autocommit() {
                    // Disk full, IO error: SQLite rolled the whole batch back, not just this job.
                    transaction = Err(Error::internal_error("the batch was rolled back by the database"));
                }
            }
            if done.len() < BATCH_JOBS && transaction.is_ok() && begun.elapsed() < BATCH_TIME {
                next = inbox.try_recv().ok();
            }
        }
        let committed = transaction.and_then(|()| self.commit(wrote));
        if !self.conn.is_autocommit() {
            let _ = exec(&self.conn, "ROLLBACK");
        }
        self.overlay = Overlay::default();
        for (work, result) in done {
            work.answer(result.and_then(|()| committed.clone()));
        }
    }

    /// One job in its savepoint. A panic is a failed job, not the end of the store.
    fn job(&mut self, work: &mut dyn Work, wrote: &mut bool) -> Result<()> {
        exec(&self.conn, "SAVEPOINT job")?;
        let mut tx = Tx::new(&self.conn, &self.memory, &self.overlay);
        let result = catch_unwind(AssertUnwindSafe(|| work.run(&mut tx)))
            .unwrap_or_else(|_| Err(Error::internal_error("a store job panicked")));
        let (staged, job_wrote) = tx.into_parts();
        if let Err(e) = result {
            if !self.conn.is_autocommit() {
                exec(&self.conn, "ROLLBACK TO job")?;
                exec(&self.conn, "RELEASE job")?;
            }
            return Err(e);
        }
        exec(&self.conn, "RELEASE job")?;
        *wrote |= job_wrote;
        self.overlay.take(staged);
        Ok(())
    }

    /// Flushes, then makes memory say the same, then lets readers of the file answer.
    fn commit(&mut self, wrote: bool) -> Result<()> {
        if !wrote {
            return exec(&self.conn, "COMMIT");
        }
        let overlay = std::mem::take(&mut self.overlay);
        self.memory.gate.begin();
        let committed = exec(&self.conn, "COMMIT");
        if committed.is_ok() {
            overlay.publish(&self.memory);
        }
        self.memory.gate.publish();
        committed
    }
}

fn exec(conn: &Connection, statement: &'static str) -> Result<()> {
    let mut s = conn.prepare_cached(statement).map_err(sql(statement))?;
    s.execute([]).map(drop).map_err(sql(statement))
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds a batch by real elapsed time; nothing is decided or stored by it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use stoa_core::Kind;

    use super::*;
    use crate::config::Config;

    fn writer(queue: usize) -> (tempfile::TempDir, Arc<Writer>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        // Reads the schema now: in a job it would use up the batch's time, and the next job would miss the batch.
        conn.query_row("SELECT count(*) FROM secrets", [], |_| Ok(())).unwrap();
        let memory = Arc::new(Memory::new(&Config::new(&path)));
        (folder, Arc::new(Writer::start(conn, memory, queue).unwrap()))
    }

    fn store(tx: &mut Tx<'_>, name: &str) -> Result<()> {
        crate::tables::secret(tx.conn, name, b"x")?;
        tx.wrote();
        Ok(())
    }

    async fn stored(writer: &Writer) -> Vec<String> {
        let names = |tx: &mut Tx<'_>| {
            let mut s = tx.conn.prepare("SELECT name FROM secrets ORDER BY name").unwrap();
            let names = s.query_map([], |r| r.get(0)).unwrap().map(std::result::Result::unwrap);
            Ok(names.collect())
        };
        writer.submit(names).await.unwrap()
    }

    /// Holds the writer inside a job until the sender is used; answers when it is there.
    async fn hold(writer: &Arc<Writer>) -> (std::sync::mpsc::Sender<()>, tokio::task::JoinSet<Result<()>>) {
        let (go, wait) = channel();
        let (there, arrived) = oneshot::channel();
        let mut held = tokio::task::JoinSet::new();
        let writer = writer.clone();
        held.spawn(async move {
            let job = move |_: &mut Tx<'_>| {
                let _ = there.send(());
                wait.recv().map_err(Error::internal_error)
            };
            writer.submit(job).await
        });
        arrived.await.unwrap();
        (go, held)
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_in_a_batch_undoes_only_itself() {
        let (_folder, writer) = writer(8);
        let (go, mut held) = hold(&writer).await;
        let fails = |tx: &mut Tx<'_>| {
            store(tx, "of the failed")?;
            Err::<(), _>(Error::internal_error("on purpose"))
        };
        let panics = |tx: &mut Tx<'_>| -> Result<()> {
            store(tx, "of the panicked")?;
            panic!("on purpose")
        };
        let all = async {
            tokio::join!(
                writer.submit(|tx| store(tx, "a")),
                writer.submit(fails),
                writer.submit(|tx| store(tx, "b")),
                writer.submit(panics),
                writer.submit(|tx| store(tx, "c")),
                async { go.send(()).unwrap() }
            )
        };
        let (a, failed, b, panicked, c, ()) = all.await;
        assert!(a.is_ok() && failed.is_err() && b.is_ok() && panicked.is_err() && c.is_ok());
        held.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(stored(&writer).await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_every_job_of_its_batch_and_no_other() {
        let (_folder, writer) = writer(8);
        // Only COMMIT looks at a deferred foreign key.
        let poison = |tx: &mut Tx<'_>| {
            tx.wrote();
            tx.conn
                .execute_batch(
                    "PRAGMA defer_foreign_keys = ON; INSERT INTO voice_seats (room_id, seat) VALUES (x'00', 1)",
                )
                .map_err(sql("poison"))
        };
        let mut alone = Vec::new();
        loop {
            let name = format!("a{:03}", alone.len());
            let own = name.clone();
            let (go, _held) = hold(&writer).await;
            let (a, poisoned, ()) =
                tokio::join!(writer.submit(move |tx| store(tx, &own)), writer.submit(poison), async {
                    go.send(()).unwrap();
                });
            assert!(poisoned.is_err());
            if a.is_err() {
                break;
            }
            // The thread was interrupted for longer than a batch lasts: the two were not together.
            alone.push(name);
            assert!(alone.len() < 100, "never in one batch");
        }
        assert_eq!(stored(&writer).await, alone);
        writer.submit(|tx| store(tx, "b")).await.unwrap();
        assert_eq!(stored(&writer).await, [alone, vec!["b".to_owned()]].concat());
    }

    #[tokio::test]
    async fn a_full_queue_answers_unavailable_at_once() {
        let (_folder, writer) = writer(1);
        let (go, _held) = hold(&writer).await;
        let (a, b, ()) = tokio::join!(writer.submit(|tx| store(tx, "a")), writer.submit(|tx| store(tx, "b")), async {
            go.send(()).unwrap();
        });
        assert!(a.is_ok());
        assert_eq!(*b.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(stored(&writer).await, ["a"]);
    }

    #[tokio::test]
    async fn a_job_that_waited_five_seconds_is_refused_and_never_runs() {
        let (_folder, writer) = writer(8);
        let (go, mut held) = hold(&writer).await;
        // From here on time passes as soon as all tasks wait.
        tokio::time::pause();
        let e = writer.submit(|tx| store(tx, "late")).await.unwrap_err();
        tokio::time::resume();
        assert_eq!(*e.kind(), Kind::Unavailable);
        go.send(()).unwrap();
        held.join_next().await.unwrap().unwrap().unwrap();
        assert!(stored(&writer).await.is_empty());
    }

    #[tokio::test]
    async fn a_queued_job_runs_although_its_caller_has_left() {
        let (_folder, writer) = writer(8);
        let (go, _held) = hold(&writer).await;
        let left = tokio::time::timeout(std::time::Duration::ZERO, writer.submit(|tx| store(tx, "a"))).await;
        assert!(left.is_err());
        go.send(()).unwrap();
        assert_eq!(stored(&writer).await, ["a"]);
    }

    #[tokio::test]
    async fn stopping_finishes_what_is_queued() {
        let (_folder, writer) = writer(8);
        let (go, _held) = hold(&writer).await;
        let (a, ()) = tokio::join!(writer.submit(|tx| store(tx, "a")), async {
            go.send(()).unwrap();
            writer.stop();
        });
        a.unwrap();
        assert_eq!(*writer.submit(|tx| store(tx, "b")).await.unwrap_err().kind(), Kind::Internal);
    }
}
