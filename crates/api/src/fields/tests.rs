use super::*;

fn read(body: &str) -> Fields {
    Fields::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn message(e: Result<impl fmt::Debug>) -> String {
    e.unwrap_err().public().to_owned()
}

#[test]
fn malformed_bodies_are_refused_as_such() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(32), "]".repeat(32));
    for bad in
        ["[1]", "\"x\"", "{", "7", "null", "{\"a\":1}x", "{\"a\":\"\\ud800\"}", " ", "{a:1}", "{\"a\":01}", &deep]
    {
        let e = Fields::parse(Bytes::copy_from_slice(bad.as_bytes()));
        assert!(matches!(e, Err(Refusal::Malformed(_))), "{bad}");
    }
    assert!(matches!(Fields::parse(Bytes::from_static(b"{\"a\":\"\xff\"}")), Err(Refusal::Malformed(_))));
}

#[test]
fn an_empty_body_a_bom_and_blanks_are_taken() {
    assert_eq!(read("").string("a").unwrap(), None);
    assert_eq!(read("\u{feff}").string("a").unwrap(), None);
    assert_eq!(read("\u{feff} {\n \"a\" : \"b\" } \n").string("a").unwrap().as_deref(), Some("b"));
}

#[test]
fn rubbish_under_unknown_names_is_ignored_down_to_32_levels() {
    let f = read(&format!("{{\"x\":{}{},\"id\":\"7\",\"y\":1e999}}", "[".repeat(31), "]".repeat(31)));
    assert_eq!(f.required("id").unwrap(), "7");
}

#[test]
fn strings_take_numbers_by_their_exact_text_and_words() {
    let f = read(
        r#"{"a":123,"b":12345678901234567890123,"c":1.0,"d":true,"e":false,"f":"x\u00e9","g":null,"h":[1],"i":{},"j":"a\u0000b","k":-1E+2}"#,
    );
    for (name, want) in [
        ("a", Some("123")),
        ("b", Some("12345678901234567890123")),
        ("c", Some("1.0")),
        ("d", Some("true")),
        ("e", Some("false")),
        ("f", Some("xé")),
        ("g", None),
        ("k", Some("-1E+2")),
        ("absent", None),
    ] {
        let name: &'static str = name;
        assert_eq!(f.string(name).unwrap().as_deref(), want, "{name}");
    }
    assert_eq!(message(f.string("h")), "h: must be a string");
    assert_eq!(message(f.string("i")), "i: must be a string");
    assert_eq!(message(f.string("j")), "j: must not contain U+0000");
}

#[test]
fn the_last_of_duplicate_names_wins_also_with_escapes() {
    let f = read(r#"{"id":"1","\u0069d":"2"}"#);
    assert_eq!(f.required("id").unwrap(), "2");
    assert_eq!(read(r#"{"id":"1","id":null}"#).string("id").unwrap(), None);
}

#[test]
fn required_refuses_absent_null_empty_and_blank() {
    for body in ["{}", r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":"  \t"}"#] {
        assert_eq!(message(read(body).required("id")), "id: required", "{body}");
    }
    assert_eq!(read(r#"{"id":" x "}"#).required("id").unwrap(), " x ", "kept as sent");
}

#[test]
fn integers_follow_the_coercion_table() {
    for (value, want) in [
        ("2", Some(2)),
        ("2.0", Some(2)),
        ("\"2\"", Some(2)),
        ("\" 2 \"", Some(2)),
        ("\"+2\"", Some(2)),
        ("\"-2\"", Some(-2)),
        ("\"\"", None),
        ("null", None),
    ] {
        assert_eq!(read(&format!("{{\"n\":{value}}}")).integer("n").unwrap(), want, "{value}");
    }
    for value in ["2.5", "\"abc\"", "true", "[1]", "{}", "9223372036854775808", "\"2.0\"", "\"1 2\"", "\" \""] {
        let f = read(&format!("{{\"n\":{value}}}"));
        assert_eq!(message(f.integer("n")), "n: must be an integer", "{value}");
    }
    assert_eq!(message(read("{}").required_integer("n")), "n: required");
}

#[test]
fn user_ids_are_checked_and_named() {
    assert_eq!(read(r#"{"anchor":12345678901234567890}"#).user_id("anchor").unwrap().as_str(), "12345678901234567890");
    for bad in
        [r#""a\u001f""#, r#""a\u0085""#, r#""system""#, r#""x_shadow""#, "\"\"", &format!("\"{}\"", "x".repeat(256))]
    {
        let m = message(read(&format!("{{\"anchor\":{bad}}}")).user_id("anchor"));
        assert!(m.starts_with("anchor: "), "{m}");
    }
}

fn extends(value: &str) -> Result<Option<String>> {
    read(&format!("{{\"extends\":{value}}}")).extends("extends", 8192, &["anchor_avatar"])
}

#[test]
fn extends_keeps_good_text_byte_for_byte() {
    let quote = |s: &str| serde_json::to_string(s).unwrap();
    assert_eq!(extends("null").unwrap(), None);
    assert_eq!(extends("\"\"").unwrap().as_deref(), Some(""));
    assert_eq!(extends("\"  \"").unwrap().as_deref(), Some(""));
    for good in [
        "{}",
        "{\"anchor_avatar\":\"https://a/b\"}",
        "{\n \"anchor_avatar\" : \"https:\\/\\/a\"\n}",
        "{\"user_avatrar\":null,\"nick\":{\"a\":1,\"a\":2}}",
        "{\"e\":\"\\ud83d\\ude00\"}",
    ] {
        assert_eq!(extends(&quote(good)).unwrap().as_deref(), Some(good));
    }
    assert_eq!(extends("{ \"anchor_avatar\" : \"a b\" }").unwrap().as_deref(), Some("{\"anchor_avatar\":\"a b\"}"));
}

#[test]
fn extends_refuses_what_would_break_readers() {
    let quote = |s: &str| serde_json::to_string(s).unwrap();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(8192 - 7));
    for bad in [
        "[]",
        "x",
        "\"x\"",
        "null",
        "7",
        "{\"anchor_avatar\":null}",
        "{\"anchor_avatar\":{}}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"a\":1,}",
        "{} x",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        &deep,
        &long,
    ] {
        let m = message(extends(&quote(bad)));
        assert!(m.starts_with("extends: "), "{bad}: {m}");
    }
    for bad in ["[]", "7", "true", "{\"anchor_avatar\":1}", "{\"a\":1,\"a\":1}"] {
        assert!(extends(bad).is_err(), "{bad}");
    }
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(8192 - 8));
    assert!(extends(&quote(&fits)).is_ok());
}

#[test]
fn lengths_count_scalar_values_or_bytes() {
    assert!(at_most_chars("t", &"😀".repeat(256), 256).is_ok());
    assert!(at_most_chars("t", &"😀".repeat(257), 256).is_err());
    assert!(at_most_bytes("t", &"é".repeat(4), 8).is_ok());
    assert!(at_most_bytes("t", &"é".repeat(5), 8).is_err());
}

#[test]
fn debug_shows_names_and_no_values() {
    assert_eq!(format!("{:?}", read(r#"{"password":"hunter2"}"#)), r#"["password"]"#);
}

#[test]
fn booleans_follow_the_coercion_table() {
    let f = read(r#"{"a":true,"b":"FALSE","c":1,"d":0,"e":"","f":null,"g":"yes","h":2,"i":[],"j":"1","k":1.0}"#);
    let all = ["a", "b", "c", "d", "e", "f", "k"].map(|n| f.boolean(n).unwrap());
    assert_eq!(all, [Some(true), Some(false), Some(true), Some(false), None, None, Some(true)]);
    for bad in ["g", "h", "i", "j"] {
        assert_eq!(message(f.boolean(bad)), format!("{bad}: must be true or false"));
    }
}

#[test]
fn lists_of_strings_take_one_string() {
    let f = read(r#"{"a":["x","y"],"b":"x","c":[],"d":7,"e":{},"f":[1],"g":["\u0000"],"h":true}"#);
    assert_eq!(f.strings("a").unwrap().unwrap(), ["x", "y"]);
    assert_eq!(f.strings("b").unwrap().unwrap(), ["x"]);
    assert_eq!(f.strings("c").unwrap().unwrap(), [""; 0]);
    assert_eq!(f.strings("z").unwrap(), None);
    for bad in ["d", "e", "f", "g", "h"] {
        assert!(f.strings(bad).is_err(), "{bad}");
    }
}

#[test]
fn opaque_texts_take_objects_and_arrays() {
    let f = read(r#"{"a":{ "x" : [1.0, "y z"] },"b":[ ],"c":" as is ","d":7,"e":{"x":"\u0000"}}"#);
    let text = |n| f.opaque(n).unwrap().unwrap();
    assert_eq!([text("a"), text("b"), text("c"), text("d")], [r#"{"x":[1.0,"y z"]}"#, "[]", " as is ", "7"]);
    assert!(f.opaque("e").is_err());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let f = read(r#"{"a":" ","b":"x","c":3}"#);
    let read = |n| (f.required("a"), f.integer("b"), f.required_integer(n)).together();
    assert_eq!(message(read("c")), "a: required; b: must be an integer");
    assert_eq!(message(read("d")), "a: required; b: must be an integer; d: required");
    assert_eq!((f.required("b"), f.required_integer("c")).together().unwrap(), ("x".to_owned(), 3));
}
