//! What the operator chose for this dialect.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use stoa_api::hub_token::HubMint;
use stoa_api::jwt::Key;
use stoa_vendor::aliyun::Aliyun;
use stoa_vendor::netease::NetEase;

use crate::links::LinkKey;

/// Settings of the classroom dialect.
#[derive(Debug, Clone)]
pub struct ClassApiConfig {
    /// `http.public_url`; `None` = the address each client used.
    pub public_url: Option<String>,
    /// `class.im_app_id`.
    pub im_app_id: String,
    /// `class.provider.im`.
    pub im: ImProvider,
    /// `class.provider.media`.
    pub media: MediaProvider,
    /// `class.provider.board`.
    pub board: BoardProvider,
    /// Addresses of uploaded files.
    pub files: FileLinks,
    /// Signs tokens of jumps.
    pub jump_key: Key,
}

/// How addresses of uploaded files are made, whoever carries media.
#[derive(Debug, Clone)]
pub struct FileLinks {
    /// `embedded.url_key`.
    pub key: LinkKey,
    /// `embedded.url_ttl`: how long an address is good for at least. Lists show fresh ones.
    pub ttl: Duration,
}

/// Who carries messages.
#[derive(Debug, Clone)]
pub enum ImProvider {
    /// Our hub.
    Embedded(HubMint),
    /// Aliyun, the older and the newer service.
    Aliyun(Arc<Aliyun>),
    /// RongCloud.
    RongCloud,
}

/// Who carries media.
#[derive(Debug, Clone)]
pub enum MediaProvider {
    /// Our engine.
    Embedded {
        /// `embedded.url_key`.
        key: LinkKey,
        /// `embedded.url_ttl`: life of signed addresses and of the media tokens beside them.
        ttl: Duration,
    },
    /// Aliyun.
    Aliyun(Arc<Aliyun>),
}

/// Whose whiteboard it is.
#[derive(Debug, Clone)]
pub enum BoardProvider {
    /// Ours.
    Embedded(BoardKeys),
    /// NetEase.
    NetEase(Arc<NetEase>),
}

/// `embedded.board.*`.
#[derive(Debug, Clone)]
pub struct BoardKeys {
    /// Shown to clients; must not be empty, or the official client has no board.
    pub app_key: String,
    /// Never leaves the server.
    pub app_secret: SecretString,
}
