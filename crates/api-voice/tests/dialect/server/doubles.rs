//! Doubles of the ports.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;
use stoa_api::jwt::Key;
use stoa_core::account::Account;
use stoa_core::app::App;
use stoa_core::audit::{AuditEntry, AuditStore};
use stoa_core::board::BoardStore;
use stoa_core::channel::{Boot, Call, CallOp, CallRow, ChannelRecord, Member, MemberApplied, MemberCommand};
use stoa_core::class::{
    CheckIn, CheckInRecord, Class, ClassApplied, ClassCommand, ClassFile, ClassMember, ClassStore, ClassView, Doc,
    FileSpace, FileStore, Meeting, MemberFilter, NewClass,
};
use stoa_core::console::{AuditFilter, CallDay, CallSearch, CallSeen, CallSpan, Census, ConsoleStore};
use stoa_core::group::{
    Doomed, Exchanged, GroupKey, GroupPatch, GroupState, GroupStore, MessagePage, RefreshToken, StoredMessage,
};
use stoa_core::id::{AppId, ChannelKey, ChannelName, CheckInId, ClassId, FileId, MeetingId, RoomId, UserId};
use stoa_core::login::{LoginHook, Passwords};
use stoa_core::media::MediaGrant;
use stoa_core::ports::{
    CallFilter, CallStore, ChannelStore, Entropy, MediaTokens, OutboxItem, OutboxStore, PageStart, SanctionFilter,
    Store,
};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Applied, Command, NewRoom, Room};
use stoa_core::{Error, Kind, Result};

/// A store that can be switched off.
pub struct Switch {
    inner: Arc<dyn Store>,
    off: AtomicU8,
    applies: AtomicU64,
}

impl Switch {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, off: AtomicU8::new(0), applies: AtomicU64::new(0) }
    }
    pub fn on(&self) {
        self.off.store(0, Ordering::SeqCst);
    }
    /// How many commands were given to it.
    pub fn applies(&self) -> u64 {
        self.applies.load(Ordering::SeqCst)
    }
    /// Every call fails inside.
    pub fn broken(&self) {
        self.off.store(1, Ordering::SeqCst);
    }
    /// Every call finds nobody there.
    pub fn away(&self) {
        self.off.store(2, Ordering::SeqCst);
    }
    fn check(&self) -> Result<()> {
        match self.off.load(Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(Error::internal_error("disk /secret/path I/O error")),
            _ => Err(Error::new(Kind::Unavailable, "try again later").with_internal("queue of /secret/path full")),
        }
    }
}

macro_rules! through {
    ($port:ident: $($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl $port for Switch {
            $(async fn $name(&self, $($arg: $ty),*) -> $out {
                self.check()?;
                if stringify!($name) == "apply" {
                    self.applies.fetch_add(1, Ordering::SeqCst);
                }
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

through! {
    Store:
    ping() -> Result<()>;
    live_rooms_of(app: AppId, owner: &UserId) -> Result<u32>;
    secret(name: &str, fresh: &[u8]) -> Result<Vec<u8>>;
    account(user: &UserId) -> Result<Option<Arc<Account>>>;
    put_account(account: Account) -> Result<()>;
    remove_account(user: &UserId) -> Result<bool>;
    accounts() -> Result<Vec<Account>>;
    create_room(room: NewRoom, codes: &[u32], max: u32) -> Result<Arc<Room>>;
    room(app: AppId, id: RoomId) -> Result<Option<Arc<Room>>>;
    list_rooms(app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>>;
    apply(app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>>;
    rooms_with_attended_seats() -> Result<Vec<Arc<Room>>>;
    sanction(channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>>;
    put_sanction(sanction: Sanction) -> Result<()>;
    purge_sanctions(now: UnixMs, before_secs: i64) -> Result<u64>;
}

through! {
    OutboxStore:
    outbox_push(items: Vec<OutboxItem>) -> Result<()>;
    outbox_peek(limit: u32) -> Result<Vec<OutboxItem>>;
    outbox_done(seq: i64) -> Result<()>;
}

through! {
    ChannelStore:
    channel(key: &ChannelKey) -> Result<Option<ChannelRecord>>;
    open_channel(fresh: ChannelRecord) -> Result<(ChannelRecord, bool)>;
    end_channel(key: &ChannelKey) -> Result<bool>;
    all_channels() -> Result<Vec<ChannelRecord>>;
    channel_names(app: AppId, offset: u64, limit: u32) -> Result<(u64, Vec<ChannelName>)>;
    member(key: &ChannelKey, user: &UserId) -> Result<Option<Member>>;
    members(key: &ChannelKey) -> Result<Vec<Member>>;
    timed_mutes(now: UnixMs) -> Result<Vec<Member>>;
    apply_member(key: &ChannelKey, user: &UserId, command: MemberCommand, now: UnixMs) -> Result<Option<MemberApplied>>;
    bans(filter: &SanctionFilter, now: UnixMs, offset: u64, limit: u32) -> Result<(u64, Vec<Sanction>)>;
    lift_ban(key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool>;
}

through! {
    CallStore:
    boot(now: UnixMs) -> Result<Boot>;
    heartbeat(boot: Boot, now: UnixMs) -> Result<()>;
    write_calls(boot: Boot, ops: Vec<CallOp>) -> Result<()>;
    open_calls(boot: Boot) -> Result<Vec<CallRow>>;
    calls(filter: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)>;
    purge_calls(before: UnixMs) -> Result<u64>;
}

through! {
    AuditStore:
    audit(entry: AuditEntry) -> Result<()>;
    audit_entries(app: AppId, limit: u32) -> Result<Vec<AuditEntry>>;
    purge_audit(before: UnixMs) -> Result<u64>;
}

through! {
    ClassStore:
    create_class(new: NewClass) -> Result<Arc<Class>>;
    class(app: AppId, id: ClassId) -> Result<Option<Arc<Class>>>;
    meeting(app: AppId, meeting: MeetingId) -> Result<Meeting>;
    class_view(app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>>;
    list_classes(app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>>;
    apply_class(app: AppId, id: ClassId, command: ClassCommand, now: UnixMs) -> Result<Option<ClassApplied>>;
    class_member(class: ClassId, user: &UserId) -> Result<Option<ClassMember>>;
    class_members(class: ClassId, filter: MemberFilter, offset: u64, limit: u32) -> Result<(u64, Vec<ClassMember>)>;
    connected_members() -> Result<Vec<(ChannelKey, UserId)>>;
    manages_class(app: AppId, user: &UserId) -> Result<bool>;
    add_docs(class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>>;
    delete_docs(class: ClassId, ids: Vec<String>) -> Result<Vec<String>>;
    docs(class: ClassId) -> Result<Vec<Doc>>;
    start_check_in(check_in: CheckIn) -> Result<Option<bool>>;
    check_in(app: AppId, id: CheckInId) -> Result<Option<CheckIn>>;
    check_ins(class: ClassId) -> Result<Vec<CheckIn>>;
    record_check_in(id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool>;
    check_in_records(id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>>;
}

through! {
    GroupStore:
    group(group: &GroupKey) -> Result<GroupState>;
    reserve_seqnums(group: &GroupKey, n: u32) -> Result<u64>;
    visit_group(group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)>;
    visitor(group: &GroupKey, user: &UserId) -> Result<Option<String>>;
    like_group(group: &GroupKey, n: u32) -> Result<u64>;
    patch_group(group: &GroupKey, patch: GroupPatch) -> Result<()>;
    mute_group(group: &GroupKey, on: bool) -> Result<bool>;
    mute_in_group(group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()>;
    put_message(group: &GroupKey, message: StoredMessage) -> Result<()>;
    message(group: &GroupKey, id: &str) -> Result<Option<StoredMessage>>;
    messages(group: &GroupKey, kinds: &[i64], page: MessagePage, limit: u32) -> Result<(Vec<StoredMessage>, bool)>;
    delete_messages(group: &GroupKey, which: Doomed) -> Result<Vec<String>>;
    put_refresh(token: RefreshToken) -> Result<()>;
    exchange_refresh(
        hash: [u8; 32], device: &str, fresh: [u8; 32], expires: UnixMs, now: UnixMs
    ) -> Result<Exchanged>;
    use_once(name: &str, until: UnixMs, now: UnixMs) -> Result<bool>;
}

through! {
    BoardStore:
    board(board: ClassId) -> Result<Vec<Vec<u8>>>;
    append_board(board: ClassId, update: &[u8]) -> Result<bool>;
    replace_board(board: ClassId, snapshot: &[u8]) -> Result<bool>;
}

through! {
    FileStore:
    begin_file(file: ClassFile, total: u64) -> Result<FileSpace>;
    put_file_part(id: FileId, part: u32, data: Vec<u8>) -> Result<bool>;
    finish_file(class: ClassId, id: FileId, doc: Doc) -> Result<bool>;
    drop_file(id: FileId) -> Result<()>;
    file(app: AppId, id: FileId) -> Result<Option<ClassFile>>;
    file_part(id: FileId, part: u32) -> Result<Option<Vec<u8>>>;
    files_size(class: ClassId) -> Result<u64>;
    sweep_files(before: UnixMs) -> Result<u64>;
}

/// Entropy that never repeats, except for the four-byte draws of show codes that a test forces.
#[derive(Default)]
pub struct Draws {
    state: AtomicU64,
    forced: Mutex<VecDeque<u32>>,
    always: Mutex<Option<u32>>,
}

impl Draws {
    /// The next draws of four bytes.
    pub fn force(&self, draws: impl IntoIterator<Item = u32>) {
        self.forced.lock().unwrap().extend(draws);
    }
    /// All draws of four bytes from here on.
    pub fn force_always(&self, draw: Option<u32>) {
        *self.always.lock().unwrap() = draw;
    }
}

impl Entropy for Draws {
    fn fill(&self, out: &mut [u8]) {
        if out.len() == 4 {
            let forced = self.forced.lock().unwrap().pop_front().or(*self.always.lock().unwrap());
            if let Some(n) = forced {
                out.copy_from_slice(&n.to_le_bytes());
                return;
            }
        }
        for chunk in out.chunks_mut(8) {
            // SplitMix64: distinct outputs for distinct counters.
            let n = self.state.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(n ^ (n >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Signs what the contract shows of a media token.
pub struct TestTokens;

impl MediaTokens for TestTokens {
    fn mint(&self, app: &App, g: &MediaGrant) -> String {
        Key::new(app.secret.expose_secret().as_bytes()).sign(&json!({
            "iss": app.key, "sub": g.identity.as_str(), "nbf": g.nbf_secs, "exp": g.exp_secs,
            "attributes": {"stoa.user": g.user.as_str(), "stoa.identity": g.identity_type.as_str()},
            "video": {"roomJoin": true, "room": g.channel.as_str(), "canPublish": g.can_publish},
        }))
    }
}

/// "Hashes" by a prefix, and counts how often it was asked.
#[derive(Default)]
pub struct PlainPasswords {
    pub asked: AtomicU64,
}

impl PlainPasswords {
    pub fn hash(password: &str) -> String {
        format!("plain${password}")
    }
}

#[async_trait]
impl Passwords for PlainPasswords {
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // As the real one does, give others their turn.
        tokio::task::yield_now().await;
        Ok(hash.is_some_and(|h| h == Self::hash(password)))
    }
}

/// A login service with one opinion, or none.
pub struct FakeHook(pub Option<&'static str>);

#[async_trait]
impl LoginHook for FakeHook {
    async fn allow(&self, _: &UserId, password: &str) -> Result<bool> {
        match self.0 {
            Some(good) => Ok(password == good),
            None => Err(Error::internal_error("hook https://secret.example is down")),
        }
    }
}

through! {
    ConsoleStore:
    census(now: UnixMs) -> Result<Census>;
    audit_page(filter: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)>;
    search_calls(search: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)>;
    call_days(span: &CallSpan) -> Result<Vec<CallDay>>;
}
