//! The slips of the published samples, put right: typographic quotes as delimiters, trailing commas (talk.md 2.4).

/// Strict JSON of a text with these slips. What is wrong otherwise stays wrong, for the parser to refuse.
pub(crate) fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut string: Option<Quotes> = None;
    let mut escaped = false;
    // Where a comma stands that may turn out to be a trailing one.
    let mut comma: Option<usize> = None;
    // The last thing outside of strings that is no blank.
    let mut last = ' ';
    for c in text.chars() {
        match string {
            Some(_) if escaped => {
                escaped = false;
                out.push(c);
            }
            Some(_) if c == '\\' => {
                escaped = true;
                out.push(c);
            }
            Some(quotes) if quotes.end(c) => {
                string = None;
                last = '"';
                out.push('"');
            }
            Some(Quotes::Curly) if c == '"' => out.push_str("\\\""),
            Some(_) => out.push(c),
            None => {
                if matches!(c, '}' | ']')
                    && let Some(at) = comma
                {
                    out.remove(at);
                }
                if !matches!(c, ' ' | '\t' | '\n' | '\r') {
                    // After an opening bracket or another comma it is no trailing comma but a wrong one.
                    comma = (c == ',' && !matches!(last, '{' | '[' | ',' | ' ')).then_some(out.len());
                    last = c;
                }
                string = Quotes::begun_by(c);
                out.push(if string.is_some() { '"' } else { c });
            }
        }
    }
    out
}

#[derive(Clone, Copy)]
enum Quotes {
    Straight,
    Curly,
}

impl Quotes {
    fn begun_by(c: char) -> Option<Self> {
        match c {
            '"' => Some(Self::Straight),
            '“' | '”' => Some(Self::Curly),
            _ => None,
        }
    }

    fn end(self, c: char) -> bool {
        match self {
            Self::Straight => c == '"',
            Self::Curly => matches!(c, '“' | '”'),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Option<Value> {
        serde_json::from_str(&mend(text)).ok()
    }

    #[test]
    fn b19_the_published_slips_are_mended() {
        let sample = "{\n\"ChannelID\": \"12345\",\n“IdentityType”:  1 ,\n“RequstId”:  1591177759251\n}";
        assert_eq!(
            read(sample).unwrap(),
            json!({"ChannelID": "12345", "IdentityType": 1, "RequstId": 1_591_177_759_251_i64})
        );
        assert_eq!(read("{\"a\":[1,2 , ] ,\n}"), Some(json!({"a": [1, 2]})));
        assert_eq!(read("{”a”:“say \"x\"”}"), Some(json!({"a": "say \"x\""})));
        assert_eq!(read("{\"a\":\"“kept”, }\"}"), Some(json!({"a": "“kept”, }"})));
        assert_eq!(read(r#"{"a":"\",}"}"#), Some(json!({"a": "\",}"})));
    }

    #[test]
    fn other_slips_stay_wrong() {
        for bad in ["{,}", "[,]", "{\"a\":1,,}", "{\"a\":1,", "{'a':1}", "{\"a\":1}}", ",", "{“a\":1}"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn strict_json_means_the_same(v in any_json()) {
            prop_assert_eq!(read(&v.to_string()), Some(v));
        }

        #[test]
        fn nothing_panics(text in "([{}\\[\\],:\"“”\\\\ a0]|\\PC)*") {
            mend(&text);
        }
    }
}
