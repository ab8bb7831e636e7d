use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::*;

const KEY_TEXT: &str = "ZGVtby1qd3Qtc2VjcmV0LTMyLWJ5dGVzLWxvbmchISE=";
const VECTOR: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImlhdCI6MTcxMDQyMDE3OSwiZXhwIjoxNzExMDI0OTc5fQ.wTUsr9nQeRB0_O6K6LVsDrYzVPP5v1OpoLgqbk9kf0g";
const IAT: i64 = 1_710_420_179;
const EXP: i64 = 1_711_024_979;

fn keys() -> LoginKeys {
    LoginKeys::new([decode_key(KEY_TEXT).unwrap()]).unwrap()
}

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

#[test]
fn the_vector_of_the_contract_is_minted_and_verifies() {
    assert_eq!(decode_key(KEY_TEXT).unwrap(), b"demo-jwt-secret-32-bytes-long!!!");
    assert_eq!(keys().mint(&alice(), IAT, EXP, None), VECTOR);
    let t = keys().verify(VECTOR, IAT + 1).unwrap();
    assert_eq!((t.user, t.iat_secs, t.exp_secs), (alice(), IAT, EXP));
    assert!(keys().verify(VECTOR, EXP - 1).is_ok());
    assert_eq!(keys().verify(VECTOR, EXP), Err("token expired"), "no leeway");
}

#[test]
fn the_key_text_taken_raw_is_another_key() {
    let (signed, _) = VECTOR.rsplit_once('.').unwrap();
    let raw = format!("{signed}._AoCogT76lN5X_315ieyZf5ZC3mpC0DMTAsPg1n8JLw");
    let raw_keys = LoginKeys::new([KEY_TEXT.as_bytes()]).unwrap();
    assert!(raw_keys.verify(&raw, IAT + 1).is_ok());
    assert_eq!(keys().verify(&raw, IAT + 1), Err("token signature"));
}

#[test]
fn the_vectors_of_the_classroom_verify() {
    let key: Vec<u8> = (0u8..32).collect();
    let keys = LoginKeys::new([key]).unwrap();
    for (sub, token) in [
        (
            "alice",
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwNjA0ODAwfQ.Qj4TQ7CBe4FY0-QEWOk735Bkp4hDT-mqCIs0MWkCuyw",
        ),
        (
            "李老师",
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiLmnY7ogIHluIgiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDYwNDgwMH0.T90eWeJRZdBp7hxFPvD5x9jatooMgpYdAWWTOzy0uAI",
        ),
    ] {
        for now in [1_700_000_001, 1_700_604_799] {
            assert_eq!(keys.verify(token, now).unwrap().user.as_str(), sub);
        }
        assert!(keys.verify(token, 1_700_604_800).is_err());
        assert_eq!(keys.mint(&UserId::new(sub).unwrap(), 1_700_000_000, 1_700_604_800, None), token);
    }
}

#[test]
fn a_lenient_key_decodes_as_the_reference_does() {
    let bytes = [0x69, 0xbd, 0x9d, 0x7e, 0xc7, 0x36, 0xdd, 0xa9, 0x76];
    // "ab2dfsc23al2" with characters outside the alphabet strewn in.
    for text in
        ["lenient:ab2dfsc23al2", "lenient:a-b2.dfs_c2 3al2\n", "lenient:ab2dfsc23al2=", "lenient:ab2dfsc23al2=x"]
    {
        assert_eq!(decode_key(text).unwrap(), bytes, "{text}");
    }
    for rest in ["a", "ab", "abc", "=", "a="] {
        assert_eq!(
            decode_key(&format!("lenient:ab2dfsc23al2{rest}")).unwrap(),
            bytes,
            "an unfinished group is dropped"
        );
    }
    assert_eq!(decode_key(&format!("lenient:{KEY_TEXT}")).unwrap(), b"demo-jwt-secret-32-bytes-long!!!");
    for (text, want) in [("YQ==", &b"a"[..]), ("YWI=", b"ab"), ("YW Jj\n", b"abc")] {
        assert_eq!(decode_key(&format!("lenient:{text}")).unwrap(), want);
    }
    let keys = LoginKeys::new([bytes]).unwrap();
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwNjA0ODAwfQ.Ua-2AkfiHgm-Cm6DW6IwIdl0xnfChq-eZeYAPVR5Irk";
    assert_eq!(keys.verify(token, 1_700_000_001).unwrap().user, alice());
}

#[test]
fn weak_and_broken_keys_are_refused_without_being_shown() {
    for bad in ["", "AAAA", "not base64!", "lenient:", "lenient:-._"] {
        let e = decode_key(bad).unwrap_err();
        assert!(bad.is_empty() || !e.contains(bad), "{e}");
    }
    assert!(LoginKeys::new(Vec::<Vec<u8>>::new()).is_none());
    assert_eq!(format!("{:?}", keys()), "LoginKeys([Key(..)])");
}

/// A token of any header and payload, signed with `secret`.
fn forge(header: &Value, payload: &str, secret: &[u8]) -> String {
    let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(payload));
    let key = Key::new(secret);
    // Sign through a claims-less detour: the key signs exactly these bytes.
    let sig = key.signature(&signed);
    format!("{signed}.{}", B64.encode(sig))
}

#[test]
fn forged_tokens_of_every_kind_are_refused() {
    let secret = b"demo-jwt-secret-32-bytes-long!!!";
    let hs = json!({"typ":"JWT","alg":"HS256"});
    let good = json!({"sub":"alice","iat":IAT,"exp":EXP});
    let with = |k: &str, v: Value| {
        let mut c = good.clone();
        c[k] = v;
        c.to_string()
    };
    let without = |k: &str| {
        let mut c = good.clone();
        c.as_object_mut().unwrap().remove(k);
        c.to_string()
    };
    let good_text = good.to_string();
    let (signed, sig) = VECTOR.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let other_body = B64.encode(with("sub", json!("admin")));
    let mut flipped = sig.to_owned();
    flipped.replace_range(0..1, "x");
    let mut kinds = vec![
        ("empty", String::new()),
        ("garbage", "garbage".into()),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{VECTOR}.x")),
        ("no signature", format!("{signed}.")),
        ("flipped signature", format!("{signed}.{flipped}")),
        ("short signature", format!("{signed}.{}", &sig[..20])),
        ("padded signature", format!("{signed}.{sig}=")),
        ("swapped payload", format!("{head}.{other_body}.{sig}")),
        ("standard base64", VECTOR.replace('_', "/")),
        ("blank inside", format!("{signed}. {sig}")),
        ("wrong key", forge(&hs, &good_text, b"another-secret-of-thirty-two-b..")),
        ("empty key", forge(&hs, &good_text, b"")),
        ("alg none", format!("{}.{body}.", B64.encode(r#"{"typ":"JWT","alg":"none"}"#))),
        ("alg None with a signature", forge(&json!({"alg":"None"}), &good_text, secret)),
        ("payload not JSON", forge(&hs, "{", secret)),
        ("payload an array", forge(&hs, "[]", secret)),
        ("no exp", forge(&hs, &without("exp"), secret)),
        ("no sub", forge(&hs, &without("sub"), secret)),
        ("too long", forge(&hs, &with("x", json!("y".repeat(4096))), secret)),
        ("header an array", forge(&json!([]), &good_text, secret)),
        ("no alg", forge(&json!({"typ":"JWT"}), &good_text, secret)),
        ("crit", forge(&json!({"alg":"HS256","crit":["exp"]}), &good_text, secret)),
        ("two subs", forge(&hs, r#"{"sub":"alice","sub":"admin","exp":1711024979}"#, secret)),
    ];
    for alg in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "HS256 "] {
        kinds.push((alg, forge(&json!({"typ":"JWT","alg":alg}), &good_text, secret)));
    }
    for (k, v) in [
        ("exp", json!("1711024979")),
        ("exp", json!(null)),
        ("exp", json!(IAT)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("iat", json!(IAT + 100)),
        ("nbf", json!(IAT + 100)),
        ("nbf", json!("x")),
        ("aud", json!("hub")),
        ("aud", json!([])),
        ("aud", json!("")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!(null)),
        ("sub", json!("a\u{1f}b")),
        ("sub", json!("system")),
        ("sub", json!("bob_shadow")),
        ("sub", json!("x".repeat(256))),
    ] {
        kinds.push(("claim", forge(&hs, &with(k, v), secret)));
    }
    assert!(kinds.len() >= 45, "{}", kinds.len());
    for (what, token) in kinds {
        assert!(keys().verify(&token, IAT + 1).is_err(), "{what}: {token}");
    }
    let foreign = forge(&json!({"alg":"HS256","typ":"at+jwt","kid":"7"}), &with("adm", json!(true)), secret);
    assert!(keys().verify(&foreign, IAT + 1).is_ok(), "other header names and unknown claims are no flaw");
    assert!(keys().verify(&forge(&hs, &with("iat", json!(IAT + 61)), secret), IAT + 1).is_ok(), "60 s ahead");
}

#[test]
fn every_key_of_the_list_verifies_and_the_first_signs() {
    let old = keys();
    let new = LoginKeys::new([vec![7u8; 32], decode_key(KEY_TEXT).unwrap()]).unwrap();
    assert!(new.verify(VECTOR, IAT + 1).is_ok());
    let fresh = new.mint(&alice(), IAT, EXP, Some("s1"));
    assert_eq!(new.verify(&fresh, IAT + 1).unwrap().session.as_deref(), Some("s1"));
    assert!(old.verify(&fresh, IAT + 1).is_err());
}
