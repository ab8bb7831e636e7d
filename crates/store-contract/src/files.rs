//! Uploaded courseware.

use stoa_core::caller::Caller;
use stoa_core::class::{ClassCommand, ClassFile, Doc, FileKind, FileSpace};
use stoa_core::id::{AppId, ClassId, FileId};
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;

use crate::class_side::doc;
use crate::classes::{make_class, new_class};
use crate::{APP, Subject, good, user};

/// File number `n`.
fn file(n: u8, class: ClassId, size: u64) -> ClassFile {
    let (id, created) = (FileId([n; 16]), UnixMs(i64::from(n) * 1_000));
    ClassFile { id, class, name: format!("课 {n}.pdf"), kind: FileKind::Pdf, size, created }
}

fn doc_of(f: &ClassFile) -> Doc {
    Doc { file: Some(f.clone()), ..doc(&f.id.to_string(), f.created.0) }
}

async fn upload(store: &dyn Store, f: &ClassFile, parts: &[&[u8]]) {
    assert_eq!(good(store.begin_file(f.clone(), 1 << 40).await), FileSpace::Reserved);
    for (n, data) in (0..).zip(parts) {
        assert!(good(store.put_file_part(f.id, n, data.to_vec()).await));
    }
    assert!(good(store.finish_file(f.class, f.id, doc_of(f)).await));
}

async fn sweep(store: &dyn Store, before: i64) -> u64 {
    let mut all = 0;
    loop {
        match good(store.sweep_files(UnixMs(before)).await) {
            0 => return all,
            n => all += n,
        }
    }
}

/// Nothing of a file is shown before all of it is there; then it is, with its document, also after a restart.
pub async fn a_file_is_there_once_it_is_finished(mut s: impl Subject) {
    let store = s.store();
    let (class, other) = (make_class(&*store, 1, 10).await.id, make_class(&*store, 2, 10).await.id);
    let (f, long) = (file(1, class, 9), vec![0xff; 256 * 1024]);
    assert_eq!(good(store.begin_file(f.clone(), 100).await), FileSpace::Reserved);
    assert!(good(store.put_file_part(f.id, 0, long.clone()).await));
    assert!(good(store.put_file_part(f.id, 1, b"\0tail".to_vec()).await));
    assert!(!good(store.put_file_part(FileId([9; 16]), 0, vec![1]).await), "there is no such file");
    assert_eq!(good(store.file(APP, f.id).await), None);
    assert_eq!(good(store.file_part(f.id, 0).await), None);
    assert!(good(store.docs(class).await).is_empty());
    assert!(!good(store.finish_file(other, f.id, doc_of(&f)).await), "the file is another class's");
    assert!(!good(store.finish_file(class, FileId([9; 16]), doc("x", 1)).await));
    assert!(good(store.docs(class).await).is_empty() && good(store.docs(other).await).is_empty());
    assert!(good(store.finish_file(class, f.id, doc_of(&f)).await));
    assert!(!good(store.finish_file(class, f.id, doc("again", 1)).await), "finished once");
    assert!(!good(store.put_file_part(f.id, 2, vec![1]).await), "a finished file does not grow");
    good(store.drop_file(f.id).await);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(good(store.file(APP, f.id).await), Some(f.clone()));
    assert_eq!(good(store.file(AppId(2), f.id).await), None);
    assert_eq!(good(store.docs(class).await), [doc_of(&f)]);
    let part = async |n| good(store.file_part(f.id, n).await);
    assert_eq!((part(0).await, part(1).await, part(2).await), (Some(long), Some(b"\0tail".to_vec()), None));
    assert_eq!((good(store.files_size(class).await), good(store.files_size(other).await)), (9, 0));
}

/// A document that another caller made under that id first stays what it is, and no file hangs on it.
pub async fn a_file_takes_no_documents_place(s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await.id;
    let f = file(1, class, 5);
    assert_eq!(good(store.begin_file(f.clone(), 100).await), FileSpace::Reserved);
    let squatter = doc(&f.id.to_string(), 1);
    assert_eq!(good(store.add_docs(class, vec![squatter.clone()]).await), Some(vec![squatter.clone()]));
    assert!(!good(store.finish_file(class, f.id, doc_of(&f)).await));
    assert_eq!(good(store.docs(class).await), [squatter]);
    assert_eq!(good(store.file(APP, f.id).await), None);
}

/// A class has no more than it may, whoever comes at once; what was given up and what is gone takes no room.
pub async fn files_of_a_class_have_a_limit_together(s: impl Subject) {
    let store = s.store();
    let (class, other) = (make_class(&*store, 1, 10).await.id, make_class(&*store, 2, 10).await.id);
    assert_eq!(good(store.begin_file(file(1, new_class(3, 0).id, 1), 100).await), FileSpace::NoClass);
    assert_eq!(good(store.begin_file(file(1, class, 101), 100).await), FileSpace::Full);
    let mut asking = tokio::task::JoinSet::new();
    for n in 1..=20 {
        let store = s.store();
        asking.spawn(async move { good(store.begin_file(file(n, class, 10), 100).await) });
    }
    let reserved = asking.join_all().await.into_iter().filter(|space| *space == FileSpace::Reserved).count();
    assert_eq!((reserved, good(store.files_size(class).await)), (10, 100));
    assert_eq!(good(store.begin_file(file(21, class, 1), 100).await), FileSpace::Full);
    assert_eq!(good(store.begin_file(file(22, other, 1), 100).await), FileSpace::Reserved);
    for n in 1..=20 {
        good(store.drop_file(FileId([n; 16])).await);
    }
    assert_eq!(good(store.files_size(class).await), 0);
    upload(&*store, &file(23, class, 100), &[b"x"]).await;
    assert_eq!(good(store.begin_file(file(24, class, 1), 100).await), FileSpace::Full);
    let gone = good(store.delete_docs(class, vec![file(23, class, 0).id.to_string()]).await);
    assert_eq!((gone.len(), good(store.files_size(class).await)), (1, 0));
}

/// With its document, with its class, or when it never ended; and the space is taken back in steps that end.
pub async fn a_file_goes_with_its_document_and_its_class(mut s: impl Subject) {
    let store = s.store();
    let (class, other) = (make_class(&*store, 1, 10).await.id, make_class(&*store, 2, 10).await.id);
    let (a, b, kept) = (file(1, class, 5), file(2, class, 5), file(3, other, 5));
    let parts: Vec<&[u8]> = vec![b"part"; 40];
    for f in [&a, &b, &kept] {
        upload(&*store, f, &parts).await;
    }
    assert_eq!(sweep(&*store, 1 << 50).await, 0, "nothing is gone");
    good(store.delete_docs(class, vec![a.id.to_string()]).await);
    assert_eq!((good(store.file(APP, a.id).await), good(store.file_part(a.id, 0).await)), (None, None));
    assert!(good(store.file(APP, b.id).await).is_some());
    assert!(sweep(&*store, 0).await >= 40);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(sweep(&*store, 0).await, 0);
    assert_eq!(good(store.file_part(b.id, 39).await), Some(b"part".to_vec()));
    let root = Caller { admin: true, ..Caller::user(user("root")) };
    good(store.apply_class(APP, class, ClassCommand::Delete { caller: root }, UnixMs(99)).await);
    assert!(good(store.class(APP, class).await).is_none());
    assert_eq!((good(store.file(APP, b.id).await), good(store.file_part(b.id, 0).await)), (None, None));
    assert!(sweep(&*store, 0).await >= 40);
    let late = file(9, other, 5);
    assert_eq!(good(store.begin_file(late.clone(), 100).await), FileSpace::Reserved);
    assert!(good(store.put_file_part(late.id, 0, vec![1]).await));
    assert_eq!(sweep(&*store, late.created.0).await, 0, "it may still end");
    assert!(sweep(&*store, late.created.0 + 1).await >= 1);
    assert!(!good(store.put_file_part(late.id, 1, vec![1]).await));
    assert!(!good(store.finish_file(other, late.id, doc_of(&late)).await));
    assert_eq!(good(store.docs(other).await), [doc_of(&kept)]);
    assert_eq!(good(store.file_part(kept.id, 39).await), Some(b"part".to_vec()));
}
