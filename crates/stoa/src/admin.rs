//! The local admin channel: a Unix socket in the data folder, mode 0600, one JSON line each way.
//!
//! One process owns the store. Commands of the operator reach it here while it runs, and open the
//! store themselves when it does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use stoa_core::account::Account;
use stoa_core::id::UserId;
use stoa_core::ports::{Clock, Store};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::cli::exit;
use crate::spawner::Spawner;

/// Name of the socket in the data folder.
const SOCKET: &str = "admin.sock";
/// Longest request line. A password hash and a name fit many times over.
const MAX_REQUEST: u64 = 16 << 10;
/// Longest wait for a request, and for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest path of a socket address on Linux, less the final zero byte.
const MAX_SOCKET_PATH: usize = 107;

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Ask {
    /// New account. Passwords arrive hashed.
    UserAdd {
        /// Name.
        user: String,
        /// Argon2id, PHC text.
        hash: String,
        /// Administrator.
        admin: bool,
    },
    /// New password; ends login sessions.
    UserPasswd {
        /// Name.
        user: String,
        /// Argon2id, PHC text.
        hash: String,
    },
    /// All accounts.
    UserList,
    /// Forget an account.
    UserRemove {
        /// Name.
        user: String,
    },
    /// Refuse or allow an account.
    UserDisable {
        /// Name.
        user: String,
        /// True = refuse.
        disabled: bool,
    },
    /// End login sessions.
    UserLogout {
        /// Name.
        user: String,
    },
    /// Read apps and log level again.
    Reload,
}

/// An account as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Shown {
    /// Name.
    pub user: String,
    /// Administrator.
    pub admin: bool,
    /// May not log in.
    pub disabled: bool,
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Done; a sentence for the operator.
    Done {
        /// The sentence.
        text: String,
    },
    /// The accounts.
    Users {
        /// By name.
        users: Vec<Shown>,
    },
    /// Not done.
    Failed {
        /// Why.
        text: String,
        /// Exit code for the command.
        exit: u8,
    },
}

fn failed(exit: u8, text: impl Into<String>) -> Answer {
    Answer::Failed { exit, text: text.into() }
}

/// Carries out everything that concerns the store only.
pub async fn perform(store: &dyn Store, clock: &dyn Clock, ask: Ask) -> Answer {
    match try_perform(store, clock, ask).await {
        Ok(answer) => answer,
        Err(e) => {
            failed(exit::FAILED, e.internal().map_or_else(|| e.public().to_owned(), |i| format!("{}: {i}", e.public())))
        }
    }
}

async fn try_perform(store: &dyn Store, clock: &dyn Clock, ask: Ask) -> stoa_core::Result<Answer> {
    let done = |text: String| Ok(Answer::Done { text });
    let now_secs = clock.now().wall.secs();
    match ask {
        Ask::UserList => {
            let shown = |a: Account| Shown { user: a.user.to_string(), admin: a.admin, disabled: a.disabled };
            Ok(Answer::Users { users: store.accounts().await?.into_iter().map(shown).collect() })
        }
        Ask::UserAdd { user, hash, admin } => {
            let user = UserId::for_dialect("user", user)?;
            if store.account(&user).await?.is_some() {
                return Ok(failed(
                    exit::FAILED,
                    format!("{user} exists already; `stoa user passwd` changes the password"),
                ));
            }
            let text = format!("added {user}{}", if admin { ", an administrator" } else { "" });
            let account = Account { user, password_hash: hash, admin, disabled: false, revoked_at_secs: 0 };
            store.put_account(account).await?;
            done(text)
        }
        Ask::UserPasswd { user, hash } => {
            let change = |a: Account| Account { password_hash: hash, revoked_at_secs: now_secs, ..a };
            changed(store, user, change, "new password set, login sessions ended").await
        }
        Ask::UserDisable { user, disabled } => {
            let what = if disabled { "disabled: logins and tokens are refused" } else { "enabled" };
            changed(store, user, |a| Account { disabled, ..a }, what).await
        }
        Ask::UserLogout { user } => {
            changed(store, user, |a| Account { revoked_at_secs: now_secs, ..a }, "login sessions ended").await
        }
        Ask::UserRemove { user } => {
            let user = UserId::new(user)?;
            if store.remove_account(&user).await? {
                done(format!("removed {user}; tokens made before stay valid until they expire"))
            } else {
                Ok(nobody(&user))
            }
        }
        Ask::Reload => Ok(failed(exit::FAILED, "no server is running")),
    }
}

fn nobody(user: &UserId) -> Answer {
    failed(exit::NOT_FOUND, format!("there is no account {user}"))
}

async fn changed(
    store: &dyn Store,
    user: String,
    change: impl FnOnce(Account) -> Account + Send,
    what: &str,
) -> stoa_core::Result<Answer> {
    let user = UserId::new(user)?;
    let Some(account) = store.account(&user).await? else { return Ok(nobody(&user)) };
    store.put_account(change((*account).clone())).await?;
    Ok(Answer::Done { text: format!("{user}: {what}") })
}

/// What the running process does besides the store.
#[async_trait]
pub trait Control: Send + Sync {
    /// A user's login sessions ended; its connections to the message hub end with them. `banned` = the account may not
    /// come back.
    async fn signed_out(&self, user: &UserId, banned: bool);

    /// Reads apps and log level again; the sentence says what changed.
    ///
    /// # Errors
    /// When the configuration is wrong; everything stays as it is.
    fn reload(&self) -> anyhow::Result<String>;
}

/// The socket's address. A path too long for one goes through the folder's descriptor.
fn address(dir: &Path) -> anyhow::Result<(PathBuf, Option<std::fs::File>)> {
    let path = dir.join(SOCKET);
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok((path, None));
    }
    use std::os::fd::AsRawFd as _;
    let folder = std::fs::File::open(dir).with_context(|| format!("cannot open {}", dir.display()))?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())), Some(folder)))
}

/// The socket; removed when dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_file(&self.0) {
            tracing::warn!(error = %e, "cannot remove the admin socket");
        }
    }
}

/// Opens the channel. Call only as the owner of the data folder: a leftover socket is removed.
///
/// # Errors
/// When the folder is not writable.
pub fn serve(
    dir: &Path,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    control: Arc<dyn Control>,
    spawner: &Spawner,
) -> anyhow::Result<SocketFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let (path, folder) = address(dir)?;
    match std::fs::remove_file(dir.join(SOCKET)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(e).context("cannot remove the old admin socket");
        }
        _ => {}
    }
    // The folder itself is for its owner only, so nobody gets in between these two lines.
    let listener = UnixListener::bind(&path).context("cannot open the admin socket")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .context("cannot protect the admin socket")?;
    let soft = spawner.soft.clone();
    spawner.spawn("admin channel", async move {
        let _folder = folder;
        loop {
            let accepted = tokio::select! {
                a = listener.accept() => a,
                () = soft.cancelled() => return,
            };
            // One at a time: an operator types slower than this answers.
            if let Ok((stream, _)) = accepted
                && tokio::time::timeout(PATIENCE, answer(stream, &*store, &*clock, &*control)).await.is_err()
            {
                tracing::warn!("an admin command took too long");
            }
        }
    });
    Ok(SocketFile(dir.join(SOCKET)))
}

/// Whose sessions a request ends, and whether for good.
fn ended_by(ask: &Ask) -> Option<(UserId, bool)> {
    let (user, banned) = match ask {
        Ask::UserDisable { user, disabled: true } => (user, true),
        Ask::UserLogout { user } | Ask::UserPasswd { user, .. } => (user, false),
        Ask::UserDisable { .. } | Ask::UserList | Ask::UserAdd { .. } | Ask::UserRemove { .. } | Ask::Reload => {
            return None;
        }
    };
    Some((UserId::new(user.as_str()).ok()?, banned))
}

async fn answer(stream: UnixStream, store: &dyn Store, clock: &dyn Clock, control: &dyn Control) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let answer = match BufReader::new(read.take(MAX_REQUEST)).read_line(&mut line).await {
        Err(e) => failed(exit::FAILED, format!("cannot read the request: {e}")),
        Ok(_) => match serde_json::from_str::<Ask>(&line) {
            Err(_) => failed(exit::FAILED, "the server does not know this request; are both of the same version?"),
            Ok(Ask::Reload) => match control.reload() {
                Ok(text) => Answer::Done { text },
                Err(e) => failed(exit::USAGE, format!("{e:#}")),
            },
            Ok(ask) => {
                let ends = ended_by(&ask);
                let answer = perform(store, clock, ask).await;
                if let (Some((user, banned)), Answer::Done { .. }) = (ends, &answer) {
                    control.signed_out(&user, banned).await;
                }
                answer
            }
        },
    };
    let text = serde_json::to_string(&answer).unwrap_or_default() + "\n";
    if let Err(e) = write.write_all(text.as_bytes()).await {
        tracing::debug!(error = %e, "the asker of an admin command is gone");
    }
}

/// Asks the process that runs on this data folder; `None` when there is none.
///
/// # Errors
/// When it is there but does not answer.
pub async fn ask(dir: &Path, ask: &Ask) -> anyhow::Result<Option<Answer>> {
    let (path, _folder) = address(dir)?;
    let stream = match UnixStream::connect(&path).await {
        Ok(s) => s,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(e).context("cannot reach the running server"),
    };
    let (read, mut write) = stream.into_split();
    let exchange = async {
        write.write_all((serde_json::to_string(ask)? + "\n").as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        Ok::<Answer, anyhow::Error>(serde_json::from_str(&line)?)
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(answer) => answer.map(Some),
        Err(_) => Err(anyhow!("the running server does not answer")),
    }
}
