//! The port to the shared whiteboards: one document per class, synchronised between those who look at it
//! (classroom.md 6.6).

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ClassId, UserId};

/// What a user may do to a board. Looking is what having a session means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoardRights {
    /// May draw, change and erase.
    pub draw: bool,
    /// May add, remove and turn pages.
    pub pages: bool,
}

/// How a board is drawn into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardImage {
    /// Lines and text.
    Svg,
    /// Pixels.
    Png,
}

/// One client's open session. Dropping it ends it.
#[async_trait]
pub trait BoardSession: Send {
    /// The next message for the client; `None` = the session is over: the right was lost, the board is gone, or the
    /// client read too slowly. A call that is given up loses no message.
    async fn next(&mut self) -> Option<Vec<u8>>;

    /// A message of the client. What the user may not change is dropped.
    ///
    /// # Errors
    /// [`crate::Kind::BadInput`] for what is no message of the protocol, [`crate::Kind::LimitReached`] when the
    /// document would grow over its limit: the session is over.
    async fn feed(&mut self, message: &[u8]) -> Result<()>;
}

/// The whiteboards. Who may do what is decided elsewhere and told here.
#[async_trait]
pub trait Boards: Send + Sync {
    /// Opens a session on a board. What the client is told first waits in it.
    ///
    /// # Errors
    /// Store faults; `LimitReached` when too many look at the board already.
    async fn open(&self, board: ClassId, user: &UserId, rights: BoardRights) -> Result<Box<dyn BoardSession>>;

    /// The user's rights changed, in all open sessions of the board; `None` ends them.
    async fn set_rights(&self, board: ClassId, user: &UserId, rights: Option<BoardRights>);

    /// Whether anybody looks at the board, or is about to.
    fn is_open(&self, board: ClassId) -> bool;

    /// The board is gone with its class: ends all sessions and forgets the document.
    async fn close(&self, board: ClassId);

    /// Draws a page, from 0.
    ///
    /// # Errors
    /// `NotFound` (no such page), store faults.
    async fn draw(&self, board: ClassId, page: usize, image: BoardImage) -> Result<Vec<u8>>;
}

/// What lasts of the boards. The promises of [`crate::ports::Store`] hold.
#[async_trait]
pub trait BoardStore: Send + Sync {
    /// Everything stored of a document, in the order it was appended.
    async fn board(&self, board: ClassId) -> Result<Vec<Vec<u8>>>;

    /// Appends a change. False = there is no such class.
    async fn append_board(&self, board: ClassId, update: &[u8]) -> Result<bool>;

    /// Replaces everything stored by one snapshot. False = there is no such class.
    async fn replace_board(&self, board: ClassId, snapshot: &[u8]) -> Result<bool>;
}
