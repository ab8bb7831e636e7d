//! What the operator chose for this dialect.

use std::time::Duration;

use secrecy::SecretString;
use stoa_api::hub_token::HubMint;

/// Settings of the voice-room dialect.
#[derive(Debug, Clone)]
pub struct VoiceApiConfig {
    /// `http.public_url`; `None` = the address each client used.
    pub public_url: Option<String>,
    /// `voice.provider.media`.
    pub media: MediaProvider,
    /// `voice.provider.im`.
    pub im: ImProvider,
    /// `voice.im_app_id`.
    pub im_app_id: String,
    /// `voice.im_token_ttl`.
    pub im_token_ttl: Duration,
}

/// Who carries media.
#[derive(Debug, Clone)]
pub enum MediaProvider {
    /// Our engine.
    Embedded,
    /// The vendor's.
    Aliyun(AliyunRtc),
}

/// Who carries messages.
#[derive(Debug, Clone)]
pub enum ImProvider {
    /// Our hub.
    Embedded(HubMint),
    /// The vendor's.
    Aliyun(AliyunIm),
}

/// `aliyun.rtc.*`.
#[derive(Debug, Clone)]
pub struct AliyunRtc {
    /// Shown to clients.
    pub app_id: String,
    /// Never leaves the server.
    pub app_key: SecretString,
}

/// `aliyun.im.*`.
#[derive(Debug, Clone)]
pub struct AliyunIm {
    /// Shown to clients.
    pub app_id: String,
    /// A constant from the vendor's console, shown to clients.
    pub app_sign: String,
    /// Never leaves the server.
    pub app_key: SecretString,
    /// `voice.aliyun_role`.
    pub role: AliyunRole,
}

/// What role goes into a vendor's message token (voice-room.md 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliyunRole {
    /// Whatever the client asked for. Hands management rights to everyone who asks.
    AsRequested,
    /// `admin` for administrators only, else empty.
    Strict,
}
