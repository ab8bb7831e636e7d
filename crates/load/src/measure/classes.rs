//! The classroom's hot calls on a school of a thousand classes, beside the same calls on a handful.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use stoa_core::class::{ClassCommand, ClassMode, ClassStore as _, NewClass};
use stoa_core::cloud::Outside;
use stoa_core::id::{ClassId, MeetingId, UserId};
use stoa_core::time::UnixMs;
use stoa_store_sqlite::SqliteStore;
use tokio::task::JoinSet;

use crate::child::Server;
use crate::clock;
use crate::http::{Client, post};
use crate::measure::http::{CONNECTIONS, Pair, Side, compare};
use crate::measure::seats::{APP, SEEDING, open, plain, user};
use crate::voice::Voice;

/// How large a school is.
#[derive(Debug, Clone, Copy)]
pub struct School {
    /// Classes.
    pub classes: u32,
    /// Members of each.
    pub members: u32,
}

/// The three calls.
#[derive(Debug, Clone)]
pub struct Calls {
    /// `get` as a member.
    pub get: Pair,
    /// `listMembers`, first page of 20.
    pub list: Pair,
    /// `joinClass` of somebody new, then `leaveClass`: two durable changes.
    pub join: Pair,
}

/// Measures the calls on a large school ("ours") against a small one ("base"), each on a server of its own.
///
/// # Errors
/// A server does not come up, or answers are wrong.
pub async fn calls(
    binary: &Path,
    dir: &Path,
    (many, few): (School, School),
    pairs: usize,
    each: Duration,
) -> Result<Calls> {
    let (big, small) = (tempfile::tempdir_in(dir)?, tempfile::tempdir_in(dir)?);
    for (data, school) in [(&big, many), (&small, few)] {
        seed(&data.path().join("stoa.db"), school).await.context("seeding classes")?;
    }
    let (big, small) = (Server::start(binary, big.path()).await?, Server::start(binary, small.path()).await?);
    let (ours, base) = (Sides::of(&big, many).await?, Sides::of(&small, few).await?);
    let out = Calls {
        get: compare(&ours.get, &base.get, pairs, each).await?,
        list: compare(&ours.list, &base.list, pairs, each).await?,
        join: compare(&ours.join, &base.join, pairs, each).await?,
    };
    big.stop().await?;
    small.stop().await?;
    Ok(out)
}

struct Sides {
    get: Side,
    list: Side,
    join: Side,
}

impl Sides {
    async fn of(server: &Server, school: School) -> Result<Self> {
        let mut api = Voice::connect(server.addr).await?;
        let (mut get, mut list, mut join) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..CONNECTIONS {
            let n = u32::try_from(n)?;
            // A member of a class of its own where there are enough, so that no cache of one class is what is measured.
            let class = class_id(n * 7 % school.classes).to_string();
            let (member, guest) = (name(n % school.members), format!("guest-{n}"));
            let inside = api.login(&member).await?;
            let outside = api.login(&guest).await?;
            let call = |path: &str, bearer: &str, body| post(&format!("/api/v1/class/{path}"), Some(bearer), &body);
            get.push(vec![call("get", &inside, json!({"id": class, "user_id": member}))]);
            let page = json!({"class_id": class, "status": 0, "page_num": 1, "page_size": 20});
            list.push(vec![call("listMembers", &inside, page)]);
            join.push(vec![
                call("joinClass", &outside, json!({"class_id": class, "user_id": guest, "user_name": guest})),
                call("leaveClass", &outside, json!({"class_id": class, "user_id": guest})),
            ]);
        }
        let mut client = Client::connect(server.addr).await?;
        for (what, request) in [("get", &get[0][0]), ("listMembers", &list[0][0])] {
            let (status, answer) = client.json(request).await?;
            if status != 200 || answer["success"] != true {
                bail!("{what}: HTTP {status}: {answer}");
            }
        }
        let side = |plans| Side { addr: server.addr, pid: server.pid, plans, good: fine };
        Ok(Self { get: side(get), list: side(list), join: side(join) })
    }
}

/// HTTP 200 and `"success":true`.
fn fine(status: u16, body: &[u8]) -> bool {
    status == 200 && body.windows(14).any(|w| w == b"\"success\":true")
}

fn class_id(n: u32) -> ClassId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    ClassId(id)
}

/// Members of every class have the same names: a user is in many classes.
fn name(n: u32) -> String {
    format!("user-{n}")
}

/// Fills a database as the server itself would: through the store, one command per member.
async fn seed(database: &Path, school: School) -> Result<()> {
    let store = Arc::new(open(database)?);
    let mut under_way = JoinSet::new();
    for n in 0..school.classes {
        let store = Arc::clone(&store);
        under_way.spawn(async move { fill(&store, n, school.members).await });
        if under_way.len() >= SEEDING
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

async fn fill(store: &SqliteStore, n: u32, members: u32) -> Result<()> {
    let id = class_id(n);
    let now = UnixMs(i64::try_from(clock::unix_secs())? * 1000 + i64::from(n));
    let new = NewClass {
        id,
        app: APP,
        meeting: MeetingId(id.0),
        created: now,
        title: format!("Class {n}"),
        notice: "Bring paper".into(),
        teacher: UserId::new(format!("teacher-{n}")).map_err(plain)?,
        teacher_nick: format!("Teacher {n}"),
        extends: "{}".into(),
        mode: ClassMode::Open,
        outside: Outside::default(),
    };
    store.create_class(new).await.map_err(plain)?;
    for m in 0..members {
        let command = ClassCommand::Join { user: user(m)?, name: name(m), avatar: None, wish: None };
        store.apply_class(APP, id, command, now).await.map_err(plain)?;
    }
    Ok(())
}
