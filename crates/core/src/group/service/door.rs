//! What the hub asks and tells (hub.md 1.3).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{Answer, Fact, Group, Groups, Stop, lock};
use crate::group::heart::Went;
use crate::group::names::NamedGroup;
use crate::hub::{HubAdmitted, HubClient, HubHooks, HubLeft, HubRefusal, HubSubscribed, SingleLogin};
use crate::id::{AppId, UserId};

use super::timers::Due;
use crate::account::token_counts;

/// Close codes of hub.md 2.10.
const BANNED: (u32, &str) = (4501, "banned");
const SIGNED_OUT: (u32, &str) = (4503, "signed out");

impl Groups {
    /// The user behind a connection.
    fn user_of(client: &HubClient) -> Option<(AppId, UserId)> {
        Some((AppId(client.meta.app), UserId::new(client.meta.uid.as_str()).ok()?))
    }

    /// The account behind a connection still stands, and its sessions were not ended since the token was made.
    async fn account_stands(&self, user: &UserId, issued: i64) -> Result<(), HubRefusal> {
        let account = match self.world.store.account(user).await {
            Ok(account) => account,
            Err(e) => {
                (self.config.report)(&e);
                return Err(HubRefusal::INTERNAL);
            }
        };
        match account.as_deref() {
            Some(a) if a.disabled => Err(HubRefusal::Disconnect { code: BANNED.0, reason: BANNED.1 }),
            a if !token_counts(a, issued) => Err(HubRefusal::Disconnect { code: SIGNED_OUT.0, reason: SIGNED_OUT.1 }),
            _ => Ok(()),
        }
    }

    /// A user's login sessions ended: its connections end, and tokens made before open no new ones.
    pub async fn signed_out(&self, user: &UserId, banned: bool) {
        let (code, reason) = if banned { BANNED } else { SIGNED_OUT };
        let names = self.config.names;
        for app in &self.config.apps {
            if banned {
                let told = json!({ "kind": "banned", "until": 0 }).to_string();
                let told = self.to_user(*app, user, &told).await;
                self.report(told);
            }
            let ended = self.hub.disconnect(&names.hub_uid(*app, user), None, code, reason).await;
            self.report(ended);
        }
    }

    /// A connection is no session of its user any more; told once.
    /// `silent`: how long ago its last sign of life was.
    pub(super) fn session_ended(&self, group: &Arc<Group>, user: &UserId, client: &str, silent: Duration) {
        if self.world.crowd.went(&group.channel, user, client) {
            self.learn(Fact { group: Arc::clone(group), user: user.clone(), came: false, silent });
        }
    }

    fn learn(&self, fact: Fact) {
        lock(&self.facts).push(fact);
        (self.config.wake)();
    }

    async fn may_subscribe(&self, app: AppId, user: &UserId, named: &NamedGroup, room: bool) -> Answer<HubSubscribed> {
        let Some((key, channel, record)) = self.find(app, named, user).await? else {
            return Err(self.over(app, named).into());
        };
        if self.ending(app, named).is_some() {
            return Err(super::Refusal::CLOSING.into());
        }
        let standing = self.standing(record, user).await?;
        self.admit(&channel, &standing).await?;
        let group = self.using(&key, &channel);
        if room {
            self.hide_departures(&group, user).await?;
        }
        let state = self.state(&group).await?;
        let muted = self.muted(&standing, &state);
        let data = json!({
            "role": standing.role_name(),
            "muteAll": state.mute_all,
            "muted": muted,
        });
        Ok(HubSubscribed { data: Some(data.to_string()), presence: room })
    }
}

#[async_trait]
impl HubHooks for Groups {
    async fn connect(&self, client: &HubClient) -> Result<HubAdmitted, HubRefusal> {
        let Some((app, user)) = Self::user_of(client) else { return Err(HubRefusal::INTERNAL) };
        let names = self.config.names;
        if names.hub_uid(app, &user) != client.user {
            return Err(HubRefusal::Disconnect { code: 3500, reason: "invalid token" });
        }
        self.account_stands(&user, client.issued).await?;
        let policy = match client.meta.face.as_str() {
            "voice" if self.config.voice_single_login => SingleLogin::User,
            "talk" => SingleLogin::Cap,
            _ => SingleLogin::Device,
        };
        Ok(HubAdmitted { personal: names.personal(app, &user), policy })
    }

    async fn subscribe(&self, client: &HubClient, channel: &str) -> Result<HubSubscribed, HubRefusal> {
        let Some((app, user)) = Self::user_of(client) else { return Err(HubRefusal::DENIED) };
        let Some((of, named, room)) = self.config.names.group_of(channel) else { return Err(HubRefusal::DENIED) };
        if of != app {
            return Err(HubRefusal::DENIED);
        }
        match self.may_subscribe(app, &user, &named, room).await {
            Ok(granted) => Ok(granted),
            Err(Stop::Refused(_)) => Err(HubRefusal::DENIED),
            Err(Stop::Failed(e)) => {
                (self.config.report)(&e);
                Err(HubRefusal::INTERNAL)
            }
        }
    }

    async fn rpc(&self, client: &HubClient, method: &str, data: &str) -> Result<String, HubRefusal> {
        self.call(client, method, data).await
    }

    fn presence(&self, channel: &str, client: &HubClient, came: bool, left: HubLeft) {
        let Some((_, user)) = Self::user_of(client) else { return };
        let Some(group) = lock(&self.groups).by_room.get(channel).cloned() else { return };
        let now = self.now();
        if came {
            let new = group.heart().came(&user, &client.client);
            if new {
                self.members_changed(&group);
            }
            if self.world.crowd.came(&group.channel, &user, &client.client) {
                self.learn(Fact { group, user, came: true, silent: Duration::ZERO });
            }
        } else {
            // The grace is for whoever is about to come back. Somebody who was silent for longer is not on the way.
            let silent = if let HubLeft::Lost(silent) = left { silent } else { Duration::ZERO };
            let went = group.heart().went(&user, &client.client, left, now);
            match went {
                Went::Still => {}
                Went::Grace(n) => {
                    let left = self.config.member_grace.saturating_sub(silent);
                    self.plan(left, Due::Grace(group.key.clone(), user.clone(), n));
                }
                Went::Out => self.members_changed(&group),
            }
            self.session_ended(&group, &user, &client.client, silent);
        }
    }

    fn closed(&self, _: &HubClient, _: u32) {}
}
