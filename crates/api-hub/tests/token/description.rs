//! The published description against the committed copy.

use std::path::Path;

use stoa_api_hub::document;

#[test]
fn the_committed_description_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/hub.json");
    let now = document().json;
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "the API description changed: run the tests with STOA_BLESS=1 and commit docs/openapi");
    assert!(!now.contains("\"null\""));
}
