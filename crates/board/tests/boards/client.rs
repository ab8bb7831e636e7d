//! A client as y-websocket is one.

use std::collections::HashMap;
use std::sync::Arc;

use yrs::sync::{Message, SyncMessage};
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    Any, Array as _, Doc, Map as _, MapPrelim, ReadTxn as _, StateVector, Transact as _, TransactionMut, Update,
    WriteTxn as _,
};

/// A document with what the protocol needs around it.
pub struct Client {
    pub doc: Doc,
    pub denied: Vec<String>,
    pub seen: HashMap<u64, (u32, String)>,
}

/// An element of this id.
pub fn element(id: &str, more: &[(&str, Any)]) -> Any {
    let mut map: HashMap<String, Any> = HashMap::from([
        ("id".to_owned(), id.into()),
        ("type".to_owned(), "rectangle".into()),
        ("x".to_owned(), 10.into()),
        ("y".to_owned(), 20.into()),
        ("width".to_owned(), 100.into()),
        ("height".to_owned(), 50.into()),
    ]);
    map.extend(more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    Any::Map(Arc::new(map))
}

pub fn update_message(update: Vec<u8>) -> Vec<u8> {
    Message::Sync(SyncMessage::Update(update)).encode_v1()
}

impl Client {
    pub fn new(id: u64) -> Self {
        let doc = Doc::with_client_id(id);
        doc.get_or_insert_array("pages");
        doc.get_or_insert_map("elements");
        doc.get_or_insert_map("view");
        Self { doc, denied: Vec::new(), seen: HashMap::new() }
    }

    /// Changes the document; returns the message a connected client sends at once.
    pub fn edit(&self, change: impl FnOnce(&mut TransactionMut<'_>)) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        change(&mut txn);
        txn.commit();
        update_message(txn.encode_update_v1())
    }

    pub fn draw(&self, id: &str) -> Vec<u8> {
        self.put(id, element(id, &[]))
    }

    pub fn put(&self, id: &str, element: Any) -> Vec<u8> {
        self.edit(|txn| {
            txn.get_or_insert_map("elements").insert(txn, id, element);
        })
    }

    pub fn erase(&self, id: &str) -> Vec<u8> {
        self.edit(|txn| {
            txn.get_or_insert_map("elements").remove(txn, id);
        })
    }

    pub fn add_page(&self, at: u32, id: &str) -> Vec<u8> {
        self.edit(|txn| {
            let pages = txn.get_or_insert_array("pages");
            let at = at.min(pages.len(txn));
            pages.insert(txn, at, MapPrelim::from([("id", id)]));
        })
    }

    pub fn remove_page(&self, at: u32) -> Vec<u8> {
        self.edit(|txn| {
            let pages = txn.get_or_insert_array("pages");
            if pages.len(txn) > 0 {
                let at = at % pages.len(txn);
                pages.remove(txn, at);
            }
        })
    }

    pub fn turn(&self, page: i32) -> Vec<u8> {
        self.edit(|txn| {
            txn.get_or_insert_map("view").insert(txn, "page", page);
        })
    }

    /// The first message of a client.
    pub fn hello(&self) -> Vec<u8> {
        Message::Sync(SyncMessage::SyncStep1(self.doc.transact().state_vector())).encode_v1()
    }

    /// What the client answers to a message.
    pub fn hear(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        match Message::decode_v1(message).unwrap() {
            Message::Sync(SyncMessage::SyncStep1(theirs)) => {
                let update = self.doc.transact().encode_state_as_update_v1(&theirs);
                return Some(Message::Sync(SyncMessage::SyncStep2(update)).encode_v1());
            }
            Message::Sync(SyncMessage::SyncStep2(update) | SyncMessage::Update(update)) => {
                self.doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
            }
            Message::Auth(reason) => self.denied.push(reason.unwrap_or_default()),
            Message::Awareness(update) => {
                for (client, entry) in update.clients {
                    self.seen.insert(client.get(), (entry.clock, entry.json.to_string()));
                }
            }
            other => panic!("{other:?}"),
        }
        None
    }

    pub fn json(&self) -> String {
        json(&self.doc)
    }

    pub fn elements(&self) -> Vec<String> {
        let txn = self.doc.transact();
        let mut keys: Vec<String> = txn.get_map("elements").unwrap().keys(&txn).map(str::to_owned).collect();
        keys.sort();
        keys
    }
}

/// Everything in a document, in a fixed order: pages, elements, view, one line each.
pub fn json(doc: &Doc) -> String {
    use yrs::types::ToJson as _;
    let txn = doc.transact();
    let pages = txn.get_array("pages").map(|p| p.to_json(&txn));
    let elements = txn.get_map("elements").map(|p| p.to_json(&txn));
    let view = txn.get_map("view").map(|p| p.to_json(&txn));
    [pages, elements, view].map(|any| sorted(&any.unwrap_or(Any::Null)).replace('\n', "\\n")).join("\n")
}

fn sorted(any: &Any) -> String {
    match any {
        Any::Map(map) => {
            let mut all: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", sorted(v))).collect();
            all.sort();
            format!("{{{}}}", all.join(","))
        }
        Any::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// What the rows of a store say.
pub fn read_rows(rows: &[Vec<u8>]) -> Doc {
    let doc = Client::new(1).doc;
    for row in rows {
        doc.transact_mut().apply_update(Update::decode_v1(row).unwrap()).unwrap();
    }
    assert!(!doc.transact().has_missing_updates());
    doc
}

/// A whole document as one update.
pub fn whole(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}
