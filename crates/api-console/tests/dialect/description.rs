//! The published description against the committed copy.

use std::path::Path;

use serde_json::{Value, json};
use stoa_api_console::document;

#[test]
fn the_committed_description_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/console.json");
    let now = document().json;
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "the API description changed: run the tests with STOA_BLESS=1 and commit docs/openapi");
}

#[test]
fn every_operation_wants_a_token_and_says_what_it_refuses() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let mut operations = 0;
    for (path, methods) in v["paths"].as_object().unwrap() {
        assert!(path.starts_with("/api/console/v1/"), "{path}");
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            assert_eq!(operation["security"], json!([{"bearer": []}]), "{method} {path}");
            for status in ["400", "401", "403", "405", "413", "429", "500", "503"] {
                let refused = &operation["responses"][status]["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(refused, "#/components/schemas/RefusalBody", "{method} {path} {status}");
            }
        }
    }
    assert_eq!(operations, 20);
}

#[test]
fn null_is_in_measurements_only() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let rows = v["components"]["schemas"]["Rows"]["properties"].as_object().unwrap();
    assert_eq!(rows.len(), 12);
    assert!(rows.values().all(|r| r["items"]["type"] == json!(["number", "null"])));
    assert_eq!(document().json.matches("\"null\"").count(), rows.len());
}
