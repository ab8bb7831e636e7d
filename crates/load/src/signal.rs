//! The signalling socket: LiveKit's v0 protocol, binary protobuf frames.

use futures_util::{SinkExt, StreamExt};
use livekit_protocol::{SignalRequest, SignalResponse, signal_request, signal_response};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Client protocol we announce: the newest that needs no negotiated data channels (media.md 2.4).
const PROTOCOL: u32 = 16;

/// How long a goodbye may take.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(1);

/// Why a bot is not in the channel.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The door answered with an HTTP status instead of an upgrade.
    #[error("refused with {status}: {text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Plain text of the answer.
        text: String,
    },
    /// `leave` instead of `join`, with LiveKit's `DisconnectReason` and the action.
    #[error("told to leave, reason {reason}, action {action}")]
    Left {
        /// `DisconnectReason`.
        reason: i32,
        /// `LeaveRequest.Action`.
        action: i32,
    },
    /// The first frame did not come in time, or was something else.
    #[error("protocol: {0}")]
    Protocol(String),
    /// No connection.
    #[error("signalling: {0}")]
    Socket(String),
}

/// An open signalling connection.
pub(crate) struct Signal {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How to ask for a session.
pub(crate) struct Ask<'a> {
    pub url: &'a str,
    pub token: &'a str,
    pub auto_subscribe: bool,
    /// `PA_…` of the session to resume.
    pub resume: Option<&'a str>,
}

impl Signal {
    pub async fn connect(ask: &Ask<'_>) -> Result<Self, JoinError> {
        let mut url = format!(
            "{}/rtc?access_token={}&protocol={PROTOCOL}&auto_subscribe={}&sdk=rust&version=0.10.0&adaptive_stream=0",
            ask.url.trim_end_matches('/'),
            ask.token,
            u8::from(ask.auto_subscribe)
        );
        if let Some(sid) = ask.resume {
            url.push_str("&reconnect=1&sid=");
            url.push_str(sid);
        }
        match connect_async(url).await {
            Ok((ws, _)) => {
                if let MaybeTlsStream::Plain(tcp) = ws.get_ref() {
                    tcp.set_nodelay(true).map_err(|e| JoinError::Socket(e.to_string()))?;
                }
                Ok(Self { ws })
            }
            Err(tungstenite::Error::Http(answer)) => Err(JoinError::Refused {
                status: answer.status().as_u16(),
                text: String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default()).into_owned(),
            }),
            Err(e) => Err(JoinError::Socket(e.to_string())),
        }
    }

    /// The next message; `None` when the socket is gone. Frames that do not parse are an error.
    pub async fn next(&mut self) -> Option<Result<signal_response::Message, JoinError>> {
        loop {
            match self.ws.next().await? {
                Ok(Message::Binary(frame)) => match SignalResponse::decode(frame) {
                    Ok(SignalResponse { message: Some(m) }) => return Some(Ok(m)),
                    Ok(_) => {}
                    Err(e) => return Some(Err(JoinError::Protocol(e.to_string()))),
                },
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn send(&mut self, message: signal_request::Message) -> Result<(), JoinError> {
        let frame = SignalRequest { message: Some(message) }.encode_to_vec();
        self.ws.send(Message::Binary(frame.into())).await.map_err(|e| JoinError::Socket(e.to_string()))
    }

    /// Closes in order, reading on until the server has closed too: a socket closed over unread frames is reset, and the
    /// reset can overtake what was sent last.
    pub async fn close(mut self) {
        let done = async {
            if self.ws.close(None).await.is_ok() {
                while self.next().await.is_some() {}
            }
        };
        drop(tokio::time::timeout(GOODBYE, done).await);
    }
}
