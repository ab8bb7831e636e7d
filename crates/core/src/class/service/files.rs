//! Uploaded courseware, beside the contract: who may add it, how much of it, and who may read it.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};

use super::{Classes, not_found};
use crate::caller::Caller;
use crate::class::file::{ClassFile, FileKind, FileSpace, PART_BYTES, plain_name};
use crate::class::permit::AssistantRight;
use crate::class::view::Doc;
use crate::error::{Error, Result};
use crate::id::{ClassId, FileId, UserId};
use crate::time::UnixMs;

/// An upload that has not ended by then never will: its process is gone.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// How much may be uploaded, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// One file.
    pub max: u64,
    /// All files of one class.
    pub total: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { max: 32 << 20, total: 512 << 20 }
    }
}

/// What came of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uploaded {
    /// It is courseware of the class now.
    Done(ClassId, Doc),
    /// Not a kind of file that is taken.
    WrongType,
    /// The class has as much as it may.
    Full,
}

impl Classes {
    /// Limits of uploads.
    #[must_use]
    pub fn file_limits(&self) -> FileLimits {
        self.files
    }

    /// How many bytes of files the class has, for who may add some.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn files_size(&self, caller: &Caller, id: Option<ClassId>) -> Result<u64> {
        let (view, _) = self.holds(caller, None, id, AssistantRight::Courseware).await?;
        self.world.store.files_size(view.class.id).await
    }

    /// Takes a file of `size` bytes, which is made a document of the class. The content is looked at before anything of
    /// it is stored, and who asks before any of the content is read.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `BadInput` (the name; a body of another size), what the content ends with, store faults.
    /// Nothing is kept then.
    pub async fn upload<S>(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        name: &str,
        size: u64,
        mut content: S,
    ) -> Result<Uploaded>
    where
        S: Stream<Item = Result<Vec<u8>>> + Unpin + Send,
    {
        let (view, _) = self.holds(caller, None, id, AssistantRight::Courseware).await?;
        let name = plain_name(name).ok_or_else(|| Error::bad_input("name", "required"))?;
        if size == 0 || size > self.files.max {
            return Err(Error::bad_input("body", format_args!("must be 1 to {} bytes", self.files.max)));
        }
        let mut head = Vec::new();
        fill(&mut content, &mut head).await?;
        let Some(kind) = FileKind::sniff(&head) else { return Ok(Uploaded::WrongType) };
        let class = view.class.id;
        let file = ClassFile {
            id: FileId::random(self.random()),
            class,
            name: kind.named(&name),
            kind,
            size,
            created: self.now(),
        };
        // Whoever adds pays for what others removed: space is never taken twice.
        self.sweep_files().await?;
        match self.world.store.begin_file(file.clone(), self.files.total).await? {
            FileSpace::Reserved => {}
            FileSpace::Full => return Ok(Uploaded::Full),
            FileSpace::NoClass => return Err(not_found()),
        }
        let done = self.receive(caller, &file, head, content).await;
        if done.is_err() {
            self.world.store.drop_file(file.id).await?;
        }
        let doc = done?;
        self.tell_docs(&view.class, vec![doc.id.clone()]).await;
        Ok(Uploaded::Done(class, doc))
    }

    async fn receive<S>(&self, caller: &Caller, file: &ClassFile, mut part: Vec<u8>, mut content: S) -> Result<Doc>
    where
        S: Stream<Item = Result<Vec<u8>>> + Unpin + Send,
    {
        let store = &self.world.store;
        let wrong = || Error::bad_input("body", "is not as long as it was announced");
        let (mut n, mut got) = (0, 0);
        while !part.is_empty() {
            let rest = part.split_off(part.len().min(PART_BYTES));
            got += part.len() as u64;
            if got > file.size {
                return Err(wrong());
            }
            if !store.put_file_part(file.id, n, part).await? {
                return Err(not_found());
            }
            n += 1;
            part = rest;
            fill(&mut content, &mut part).await?;
        }
        if got != file.size {
            return Err(wrong());
        }
        // Asked again: a long upload must not outlast the right to it.
        self.holds(caller, None, Some(file.class), AssistantRight::Courseware).await?;
        let id = file.id.to_string();
        let data = serde_json::json!({"name": file.name}).to_string();
        let (server, created) = (Some("stoa".to_owned()), self.now());
        let doc = Doc { id, server, data, created, file: Some(file.clone()) };
        if store.finish_file(file.class, file.id, doc.clone()).await? { Ok(doc) } else { Err(not_found()) }
    }

    /// A file, for a user who was given its address: whoever is banned from the class since then is not.
    ///
    /// # Errors
    /// `NotFound`, store faults.
    pub async fn file(&self, id: FileId, user: &UserId) -> Result<ClassFile> {
        let store = &self.world.store;
        let file = store.file(self.config.app, id).await?.ok_or_else(not_found)?;
        let view = self.look(file.class, user).await?;
        if view.banned(self.now()) { Err(not_found()) } else { Ok(file) }
    }

    /// A part of a file; `None` when it is gone by now.
    ///
    /// # Errors
    /// Store faults.
    pub async fn file_part(&self, id: FileId, part: u32) -> Result<Option<Vec<u8>>> {
        self.world.store.file_part(id, part).await
    }

    /// Takes back the space of files that are gone, and of uploads that never ended.
    ///
    /// # Errors
    /// Store faults.
    pub async fn sweep_files(&self) -> Result<()> {
        let age = i64::try_from(UNFINISHED.as_millis()).unwrap_or(i64::MAX);
        let before = UnixMs(self.now().0.saturating_sub(age));
        while self.world.store.sweep_files(before).await? > 0 {}
        Ok(())
    }
}

/// Reads until there is a whole part, or all.
async fn fill<S>(content: &mut S, part: &mut Vec<u8>) -> Result<()>
where
    S: Stream<Item = Result<Vec<u8>>> + Unpin,
{
    while part.len() < PART_BYTES
        && let Some(more) = content.next().await
    {
        let more = more?;
        match part.is_empty() {
            true => *part = more,
            false => part.extend_from_slice(&more),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::iter;

    #[tokio::test]
    async fn parts_are_filled_whatever_the_pieces_are() {
        let pieces: Vec<_> = (0..5).map(|_| Ok(vec![7u8; PART_BYTES / 2])).collect();
        let mut content = iter(pieces);
        let mut part = Vec::new();
        fill(&mut content, &mut part).await.unwrap();
        assert_eq!(part.len(), PART_BYTES);
        let rest = content.count().await;
        assert_eq!(rest, 3);
        let broken: Vec<Result<Vec<u8>>> = vec![Ok(vec![1]), Err(Error::bad_input("body", "cut off"))];
        assert!(fill(&mut iter(broken), &mut Vec::new()).await.is_err());
    }
}
