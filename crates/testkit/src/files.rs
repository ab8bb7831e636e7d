//! Uploaded courseware in the store of maps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::class::{ClassFile, Doc, FileSpace, FileStore};
use stoa_core::id::{AppId, ClassId, FileId};
use stoa_core::time::UnixMs;

use crate::store::MemStore;

struct Kept {
    file: ClassFile,
    doc: Option<String>,
    parts: BTreeMap<u32, Vec<u8>>,
}

/// The files of all classes.
#[derive(Default)]
pub(crate) struct FileTables {
    files: BTreeMap<FileId, Kept>,
    /// Parts of files that are gone.
    left: u64,
}

impl FileTables {
    /// The documents are gone, and with them their files.
    pub(crate) fn forget(&mut self, class: ClassId, docs: &[String]) {
        self.drop_if(|k| k.file.class == class && k.doc.as_ref().is_some_and(|d| docs.contains(d)));
    }

    /// The class is gone.
    pub(crate) fn forget_class(&mut self, class: ClassId) {
        self.drop_if(|k| k.file.class == class);
    }

    fn drop_if(&mut self, gone: impl Fn(&Kept) -> bool) {
        let left = &mut self.left;
        self.files.retain(|_, k| {
            let goes = gone(k);
            *left += if goes { 1 + k.parts.len() as u64 } else { 0 };
            !goes
        });
    }

    fn size(&self, class: ClassId) -> u64 {
        self.files.values().filter(|k| k.file.class == class).map(|k| k.file.size).sum()
    }

    fn finished(&self, id: FileId) -> Option<&Kept> {
        self.files.get(&id).filter(|k| k.doc.is_some())
    }
}

#[async_trait]
impl FileStore for MemStore {
    async fn begin_file(&self, file: ClassFile, total: u64) -> Result<FileSpace> {
        let mut t = self.t()?;
        if !t.classes.known(file.class) {
            return Ok(FileSpace::NoClass);
        }
        let files = &mut t.classes.files;
        if files.size(file.class).saturating_add(file.size) > total {
            return Ok(FileSpace::Full);
        }
        files.files.insert(file.id, Kept { file, doc: None, parts: BTreeMap::new() });
        Ok(FileSpace::Reserved)
    }

    async fn put_file_part(&self, id: FileId, part: u32, data: Vec<u8>) -> Result<bool> {
        let mut t = self.t()?;
        let Some(kept) = t.classes.files.files.get_mut(&id).filter(|k| k.doc.is_none()) else { return Ok(false) };
        kept.parts.insert(part, data);
        Ok(true)
    }

    async fn finish_file(&self, class: ClassId, id: FileId, doc: Doc) -> Result<bool> {
        let mut t = self.t()?;
        let c = &mut t.classes;
        let waits = c.files.files.get_mut(&id).filter(|k| k.doc.is_none() && k.file.class == class);
        let (Some(kept), false) = (waits, c.docs.contains_key(&(class, doc.id.clone()))) else { return Ok(false) };
        kept.doc = Some(doc.id.clone());
        c.docs.insert((class, doc.id.clone()), doc);
        Ok(true)
    }

    async fn drop_file(&self, id: FileId) -> Result<()> {
        self.t()?.classes.files.files.retain(|k, f| *k != id || f.doc.is_some());
        Ok(())
    }

    async fn file(&self, app: AppId, id: FileId) -> Result<Option<ClassFile>> {
        let t = self.t()?;
        let found = t.classes.files.finished(id).map(|k| k.file.clone());
        Ok(found.filter(|f| t.classes.has(app, f.class)))
    }

    async fn file_part(&self, id: FileId, part: u32) -> Result<Option<Vec<u8>>> {
        Ok(self.t()?.classes.files.finished(id).and_then(|k| k.parts.get(&part).cloned()))
    }

    async fn files_size(&self, class: ClassId) -> Result<u64> {
        Ok(self.t()?.classes.files.size(class))
    }

    async fn sweep_files(&self, before: UnixMs) -> Result<u64> {
        let mut t = self.t()?;
        let files = &mut t.classes.files;
        let count = files.files.len();
        files.files.retain(|_, k| k.doc.is_some() || k.file.created >= before);
        Ok((count - files.files.len()) as u64 + std::mem::take(&mut files.left))
    }
}
