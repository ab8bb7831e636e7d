//! The published description against the committed copy.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use stoa_api_class::document;

use crate::routes::ROUTES;

#[test]
fn the_committed_description_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/classroom.json");
    let now = document().json;
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "the API description changed: run the tests with STOA_BLESS=1 and commit docs/openapi");
}

#[test]
fn the_description_names_every_endpoint_and_no_null() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let paths = v["paths"].as_object().unwrap();
    let upload = "/api/v1/class/uploadFile";
    let own = |p: &&str| p.contains("/class/") && !p.contains("/whiteboard/") && *p != upload;
    let posts: BTreeSet<&str> = paths.keys().map(String::as_str).filter(own).collect();
    for (verb, path) in [("put", upload), ("get", upload), ("get", "/files/{id}/{name}")] {
        assert!(paths[path][verb]["responses"]["200"].is_object(), "{verb} {path}");
    }
    let mut known: BTreeSet<&str> = ROUTES.iter().map(|r| r.path).collect();
    let open = ["/api/v1/class/login", "/api/v1/class/verifyAuthToken"];
    known.extend(open);
    assert_eq!(posts, known);
    for path in posts {
        let post = &paths[path]["post"];
        let responses = post["responses"].as_object().unwrap();
        for status in ["200", "405", "413", "429", "503"] {
            assert!(responses.contains_key(status), "{path} {status}");
        }
        assert_eq!(responses.contains_key("401"), !open.contains(&path), "{path}");
        assert!(post["requestBody"].is_object() && post["summary"].is_string(), "{path}");
    }
    for path in
        ["/whip/{meeting_id}", "/whep/{meeting_id}", "/whip/{meeting_id}/{session}", "/whep/{meeting_id}/{session}"]
    {
        assert!(paths.contains_key(path), "{path}");
    }
    assert!(paths["/api/v1/class/whiteboard/{boardId}"]["get"]["responses"]["101"].is_object());
    assert!(!document().json.contains("\"null\""));
}

/// Resolves references inside the document.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(at) => root.pointer(at.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

#[test]
fn either_answer_is_told_by_its_success_alone_or_its_names() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    for (path, item) in v["paths"].as_object().unwrap().iter().filter(|(p, _)| p.starts_with("/api/")) {
        let Some(post) = item.get("post") else { continue };
        let schema = &post["responses"]["200"]["content"]["application/json"]["schema"];
        let options = resolved(&v, schema)["oneOf"].as_array().unwrap();
        let shape = |o: &Value| {
            let o = resolved(&v, o);
            let names: BTreeSet<String> =
                o["required"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect();
            (o["properties"]["success"]["enum"][0].clone(), names)
        };
        let shapes: Vec<_> = options.iter().map(shape).collect();
        assert!(shapes.iter().all(|s| s.1.contains("success")), "{path}");
        assert!(shapes.iter().any(|s| s.0 == false && s.1.contains("errorCode")), "{path}");
    }
}

#[test]
fn every_test_that_the_quirks_file_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![
        root.join("src"),
        root.join("tests"),
        root.join("../api/src"),
        root.join("../core/src"),
        root.join("../core/tests"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let quirks = std::fs::read_to_string(root.join("../../docs/api/classroom-quirks.md")).unwrap();
    let last_column = quirks.lines().filter_map(|l| l.strip_prefix('|')?.strip_suffix('|')?.rsplit('|').next());
    let names: Vec<&str> =
        last_column.flat_map(|c| c.split('`')).filter(|w| w.matches('_').count() > 2 && !w.contains(' ')).collect();
    assert!(names.len() > 20, "{}", names.len());
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}
