//! `/api/v1/class/handlePushStreamEventCallback`: a vendor's live service tells that a publisher came or went
//! (classroom.md 6.9). There only while media is that vendor's, and no part of the published description: no client
//! calls it.

use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use stoa_api::call::body;
use stoa_api::refusal::Refusal;
use stoa_core::id::{ClassId, MeetingId};
use stoa_core::time::UnixMs;
use stoa_vendor::aliyun::Aliyun;
use stoa_vendor::aliyun::callback::{Action, Event, Target};

use crate::config::MediaProvider;
use crate::refuse::{Missing, no_such_endpoint, refuse};
use crate::reply::done;
use crate::state::ClassState;

/// Largest call in bytes; the vendor's are a few hundred.
const BODY_LIMIT: usize = 16 * 1024;
/// Streams whose newest call is remembered. A class has few, and calls older than five minutes are not believed anyway.
const MOST_STREAMS: usize = 10_000;

/// When each stream was heard of last, by the vendor's clock: a call that was recorded and played again, or came late,
/// undoes nothing.
#[derive(Default)]
pub(crate) struct Heard(HashMap<String, i64>);

impl Heard {
    /// False = something newer is known of that stream.
    fn newest(&mut self, stream: &str, at: i64, now: i64) -> bool {
        if let Some(last) = self.0.get_mut(stream) {
            let newest = at >= *last;
            *last = at.max(*last);
            return newest;
        }
        if self.0.len() >= MOST_STREAMS {
            self.0.retain(|_, last| now.saturating_sub(*last) <= 2 * stoa_vendor::aliyun::callback::FRESH_SECS);
        }
        if self.0.len() < MOST_STREAMS {
            self.0.insert(stream.to_owned(), at);
        }
        true
    }
}

/// Takes the call.
pub async fn handle(State(v): State<ClassState>, request: Request) -> Response {
    let MediaProvider::Aliyun(aliyun) = &v.config().media else { return no_such_endpoint().await };
    match take(&v, aliyun, request).await {
        Ok(()) => done().unwrap_or_else(|e| refuse(Missing::Found, &Refusal::Domain(e))),
        Err(refusal) => refuse(Missing::Found, &refusal),
    }
}

async fn take(v: &ClassState, aliyun: &Aliyun, request: Request) -> Result<(), Refusal> {
    let _place = v.api().enter()?;
    let now = v.now();
    let sent = verified(aliyun, request.headers(), now)?;
    let Some(event) = read(request).await? else { return Err(Refusal::Malformed("no event of a stream")) };
    let on = match &event.action {
        Action::Publish => true,
        Action::PublishDone => false,
        Action::Other(_) => return Ok(()),
    };
    // Not signed: it can make a call older than it is, the signed time keeps it from being newer.
    let at = event.time.parse().unwrap_or(sent).min(sent);
    if !v.streams_heard().newest(&event.id, at, now.secs()) {
        return Ok(());
    }
    let class = match event.target() {
        Target::Meeting(meeting) => match MeetingId::parse(meeting) {
            Some(meeting) => v.classes().at_meeting(meeting).await?,
            None => None,
        },
        Target::Class(id) => ClassId::parse(id),
    };
    if let Some(id) = class {
        v.classes().streamed(id, on).await?;
    }
    Ok(())
}

/// When the call was made, Unix seconds, if the vendor made it.
fn verified(aliyun: &Aliyun, headers: &HeaderMap, now: UnixMs) -> Result<i64, Refusal> {
    let (timestamp, signed) = (one(headers, "ali-live-timestamp"), one(headers, "ali-live-signature"));
    aliyun.verify_callback(timestamp, signed, now).map_err(|why| {
        tracing::warn!("a call of the live service was refused: {why}");
        Refusal::unauthenticated("callback signature")
    })?;
    Ok(timestamp.parse().unwrap_or_default())
}

/// The header's text; a header that is there twice counts as none.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    }
}

async fn read(request: Request) -> Result<Option<Event>, Refusal> {
    if request.method() == Method::GET {
        return Ok(Event::from_form(request.uri().query().unwrap_or_default()));
    }
    let json = one(request.headers(), CONTENT_TYPE.as_str()).to_ascii_lowercase().contains("json");
    let bytes = body(request, BODY_LIMIT).await?;
    Ok(if json { Event::from_json(&bytes) } else { std::str::from_utf8(&bytes).ok().and_then(Event::from_form) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_newest_call_of_its_stream_is_left() {
        let mut heard = Heard::default();
        assert!(heard.newest("a", 10, 10));
        assert!(heard.newest("a", 10, 11), "told twice is told once");
        assert!(heard.newest("a", 12, 12));
        assert!(!heard.newest("a", 11, 13));
        assert!(heard.newest("b", 1, 13), "of another stream");
    }

    #[test]
    fn it_does_not_grow_beyond_its_bound() {
        let mut heard = Heard::default();
        for n in 0..=MOST_STREAMS {
            assert!(heard.newest(&n.to_string(), 1, 1));
        }
        assert_eq!(heard.0.len(), MOST_STREAMS);
        assert!(heard.newest("late", 1_000, 1_000));
        assert_eq!(heard.0.len(), 1);
    }
}
