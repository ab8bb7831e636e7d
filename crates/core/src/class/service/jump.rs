//! Jumps: a user is taken over by the app that pushes live video (classroom.md 4.28).

use super::{Classes, not_found};
use crate::caller::Caller;
use crate::error::Result;
use crate::id::{ClassId, UserId};
use crate::time::UnixMs;

impl Classes {
    /// The class a user may be taken to: any there is.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, store faults.
    pub async fn jump(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<ClassId> {
        caller.act_as(user, "user_id")?;
        Ok(self.look(id.ok_or_else(not_found)?, user).await?.class.id)
    }

    /// Uses up a jump, whose token ends at `until`. False = it was used before.
    ///
    /// # Errors
    /// Store faults.
    pub async fn use_jump(&self, id: &str, until: UnixMs) -> Result<bool> {
        self.world.store.use_once(&format!("jump:{id}"), until, self.now()).await
    }
}
