//! RoomService over Twirp, as LiveKit's server SDKs call it (media.md 3.3).
//!
//! This module checks tokens, grants and limits and speaks the two encodings; [`RoomControl`] does the work.
//! Removing a participant and deleting a room are product decisions, so these ask [`MediaHooks`] first.

mod control;
mod methods;
mod nonce;
#[cfg(test)]
mod tests;
mod wire;

use std::future::Future;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, Response};
use axum::routing::any;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stoa_core::app::Apps;
use stoa_core::media::MediaHooks;
use stoa_core::ports::Clock;

use crate::signal::Buckets;
use crate::token::{self, TokenError, Verified};

pub use control::{ParticipantChange, RoomControl, ServerData};

use nonce::Nonces;
use wire::{Code, Codec, Fault};

/// Largest body of a call in bytes: metadata of 512 KiB in its worst JSON spelling does not quite fit, any real
/// one does. Only holders of a valid token can make us read that much.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Calls per app key: per second, at once. Far more than a backend that manages thousands of rooms needs; fewer than
/// would keep the media thread from its packets, for each call is work there.
const CALLS: (u32, u32) = (500, 2000);

/// RoomService and all it needs.
pub struct RoomService {
    control: Arc<dyn RoomControl>,
    hooks: Arc<dyn MediaHooks>,
    apps: Apps,
    clock: Arc<dyn Clock>,
    nonces: Mutex<Nonces>,
    calls: Buckets<String>,
}

/// The routes below `/twirp/`. Anything there that is no method of RoomService is answered in Twirp's words.
pub fn router(control: Arc<dyn RoomControl>, hooks: Arc<dyn MediaHooks>, apps: Apps, clock: Arc<dyn Clock>) -> Router {
    let service = RoomService { control, hooks, apps, clock, nonces: Mutex::default(), calls: Buckets::new(CALLS) };
    Router::new()
        .route("/twirp/livekit.RoomService/{method}", any(call))
        .route("/twirp/{*rest}", any(no_such_route))
        .with_state(Arc::new(service))
}

async fn no_such_route() -> Response<Body> {
    Fault::new(Code::BadRoute, "no such service").response()
}

async fn call(State(service): State<Arc<RoomService>>, Path(method): Path<String>, request: Request) -> Response<Body> {
    match service.answer(&method, request).await {
        Ok(response) => response,
        Err(fault) => {
            metrics::counter!("stoa_roomservice_refused_total", "code" => fault.code.wire().0).increment(1);
            fault.response()
        }
    }
}

impl RoomService {
    async fn answer(&self, method: &str, request: Request) -> Result<Response<Body>, Fault> {
        if request.method() != Method::POST {
            return Err(Fault::new(Code::BadRoute, "only POST is allowed"));
        }
        let caller = self.caller(request.headers())?;
        if !self.calls.take(caller.key.clone(), self.clock.now().mono) {
            return Err(Fault::new(Code::ResourceExhausted, "too many calls, try again later"));
        }
        let codec = Codec::of(request.headers())?;
        let body = axum::body::to_bytes(request.into_body(), MAX_BODY)
            .await
            .map_err(|_| Fault::new(Code::Malformed, "the body is too long or was cut off"))?;
        let call = Call { codec, body };
        match method {
            "CreateRoom" => call.run(|r| self.create_room(&caller, r)).await,
            "DeleteRoom" => call.run(|r| self.delete_room(&caller, r)).await,
            "ListRooms" => call.run(|r| self.list_rooms(&caller, r)).await,
            "ListParticipants" => call.run(|r| self.list_participants(&caller, r)).await,
            "GetParticipant" => call.run(|r| self.get_participant(&caller, r)).await,
            "RemoveParticipant" => call.run(|r| self.remove_participant(&caller, r)).await,
            "MutePublishedTrack" => call.run(|r| self.mute_published_track(&caller, r)).await,
            "UpdateParticipant" => call.run(|r| self.update_participant(&caller, r)).await,
            "UpdateSubscriptions" => call.run(|r| self.update_subscriptions(&caller, r)).await,
            "SendData" => call.run(|r| self.send_data(&caller, r)).await,
            "UpdateRoomMetadata" => call.run(|r| self.update_room_metadata(&caller, r)).await,
            "ForwardParticipant" | "MoveParticipant" | "PerformRpc" => {
                Err(Fault::new(Code::Unimplemented, format!("{method} is not available on this server")))
            }
            _ => Err(Fault::new(Code::BadRoute, "no such method")),
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Result<Verified, Fault> {
        let value = headers.get(axum::http::header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = value.and_then(|v| v.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, text) = bearer.ok_or(TokenError::Missing)?;
        Ok(token::verify(text.trim(), &self.apps, self.clock.now().wall)?)
    }
}

/// One call, its body still encoded.
struct Call {
    codec: Codec,
    body: Bytes,
}

impl Call {
    async fn run<Q, A, F>(&self, work: impl FnOnce(Q) -> F) -> Result<Response<Body>, Fault>
    where
        Q: Message + Default + DeserializeOwned,
        A: Message + Serialize,
        F: Future<Output = Result<A, Fault>>,
    {
        let request = self.codec.decode(&self.body)?;
        self.codec.encode(&work(request).await?)
    }
}
