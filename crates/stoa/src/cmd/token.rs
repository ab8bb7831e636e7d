//! `stoa token`: a media token without going through the REST API.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use serde_json::json;
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelName, Identity, RoomId, UserId};
use stoa_core::media::MediaGrant;
use stoa_core::ports::Clock as _;

use super::{Failure, Outcome, sources, usage};
use crate::cli::{Token, exit};
use crate::clock::RealClock;
use crate::config::types::{Span, Tls};
use crate::config::{DEV_DEFAULTS, Settings, checks};
use crate::ready;

pub fn run(args: Token) -> Outcome {
    let mut sources = sources(&args.common);
    // Without any configuration this is a developer's machine.
    let dev = sources.file.is_none();
    if dev {
        DEV_DEFAULTS.clone_into(&mut sources.command_defaults);
    }
    let settings = sources.load().map_err(usage)?.settings;
    let apps = checks::registry(&settings.apps);
    let id =
        args.app.map(AppId).or_else(|| checks::voice_app(&settings)).ok_or_else(|| usage(anyhow!("no [[apps]]")))?;
    let app =
        apps.by_id(id).ok_or_else(|| Failure { error: anyhow!("there is no app {id}"), exit: exit::NOT_FOUND })?;
    let bad = |e: stoa_core::Error| usage(anyhow!("{}", e.public()));
    let user = UserId::for_dialect("user", args.user).map_err(bad)?;
    // Room ids are accepted as people write them; any other name is a channel's.
    let channel = match RoomId::parse(&args.room) {
        Some(room) => room.channel(),
        None => ChannelName::new(args.room).map_err(bad)?,
    };
    let ttl = match args.ttl {
        Some(t) => Span::parse(&t).map_err(|e| usage(anyhow!("--ttl: {e}")))?,
        None => settings.voice.rtc_token_ttl,
    };
    let now = RealClock::new().now().wall;
    let grant = MediaGrant {
        channel: channel.clone(),
        identity: Identity::new(user.as_str()).map_err(bad)?,
        user,
        // A listener until live state says more: the owner's and seat holders' rights come from the room.
        identity_type: match RoomId::parse(channel.as_str()) {
            Some(_) => IdentityType::OnDemand,
            None => IdentityType::FreeTalker,
        },
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        can_publish: true,
        sources: BTreeSet::new(),
        can_publish_data: true,
        iat_secs: now.secs(),
        nbf_secs: now.secs(),
        exp_secs: now.plus(ttl.0).secs(),
    };
    let token = stoa_sfu::token::mint(app, &grant);
    let url = websocket_base(&settings);
    if args.json {
        println!("{}", json!({ "url": url, "room": channel.as_str(), "token": token, "expires_at": grant.exp_secs }));
    } else {
        if dev {
            eprintln!("(no stoa.toml here: signed with the pair of `stoa dev`)");
        }
        println!("{token}");
        println!();
        println!("JavaScript  await room.connect(\"{url}\", \"{token}\")");
        println!("Python      await room.connect(\"{url}\", \"{token}\")");
    }
    Ok(exit::OK)
}

/// Where a LiveKit SDK connects: the public address, else the running process, else what is configured.
fn websocket_base(s: &Settings) -> String {
    let http = if !s.http.public_url.is_empty() {
        s.http.public_url.trim_end_matches('/').to_owned()
    } else if let Some(r) = ready::read(&s.server.data_dir) {
        r.http
    } else {
        let port = checks::listen_addr(&s.http.listen).map_or(7880, |a| a.port());
        let scheme = if s.http.tls == Tls::Proxy { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{port}")
    };
    http.replacen("http", "ws", 1)
}
