//! The published description against the committed copy.

use std::path::Path;

use serde_json::{Value, json};
use stoa_api_talk::document;

use crate::server::{EXTENSIONS, READS, WRITES};

#[test]
fn the_committed_description_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/talk.json");
    let now = document().json;
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "the API description changed: run the tests with STOA_BLESS=1 and commit docs/openapi");
}

#[test]
fn the_description_names_every_command_and_no_null() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let paths = v["paths"].as_object().unwrap();
    assert_eq!(paths.len(), READS.len() + WRITES.len() + EXTENSIONS.len());
    for command in READS.into_iter().chain(WRITES).chain(EXTENSIONS) {
        let post = &paths[&format!("/v1/im/{command}")]["post"];
        let named: Vec<&Value> = post["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
        assert_eq!(named, ["appkey", "identifier", "curtime", "checksum", "sign"], "{command}");
        assert_eq!(post["responses"].as_object().unwrap().keys().collect::<Vec<_>>(), ["200"], "{command}");
    }
    assert!(!document().json.contains("\"null\""));
    let envelope = &v["components"]["schemas"]["Envelope"];
    assert_eq!(envelope["required"], json!(["ActionStatus", "ErrorCode", "ErrorInfo"]));
}
