use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut found = Vec::new();
    members(text, |member| {
        found.push((member.name.to_owned(), member.value.to_owned()));
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn members_come_with_the_text_of_their_values() {
    let found = read(r#" { "a" : 1.5e3 , "b\u0063" : {"x":[1,{}]} ,"d":"q\"" } "#).unwrap();
    let expected = [("a", "1.5e3"), ("bc", r#"{"x":[1,{}]}"#), ("d", r#""q\"""#)];
    assert_eq!(found.len(), expected.len());
    for ((name, value), (wanted_name, wanted_value)) in found.iter().zip(expected) {
        assert_eq!((name.as_str(), value.as_str()), (wanted_name, wanted_value));
    }
    assert_eq!(read("{}").unwrap(), []);
}

#[test]
fn what_is_not_one_object_is_refused() {
    for text in [
        "",
        "[]",
        "\"a\"",
        "null",
        "{",
        "{}}",
        "{} {}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":1 2}",
        "{'a':1}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":[1,2}}",
        "{\"a\":{\"b\":1]}",
        "{/* */}",
        "\u{feff}{}",
    ] {
        assert_eq!(read(text), Err(NOT_JSON), "{text:?}");
    }
}

/// Returns `true` if the text is accepted; `serde_json` must agree.
fn taken(text: &str) -> bool {
    let taken = read(text).is_ok();
    let object = serde_json::from_str::<serde_json::Map<_, _>>(text);
    assert_eq!(taken, object.is_ok(), "{text:?}");
    taken
}

#[test]
fn every_character_counts_in_every_place_of_a_string() {
    // Strings are passed over in words of eight bytes, and what is left in bytes.
    for length in [1, 7, 8, 9, 20] {
        for at in 0..length {
            for character in (0..0x80).map(char::from).chain(['ä', '€', '😀']) {
                let before = "x".repeat(at);
                let after = "x".repeat(length - at - 1);
                let ends = matches!(character, '\0'..='\x1f' | '"' | '\\');
                let text = format!("{{\"a\":\"{before}{character}{after}\"}}");
                assert_eq!(taken(&text), !ends, "{text:?}");
            }
        }
    }
}

#[test]
fn escaped_surrogates_come_in_pairs() {
    let units = [
        0, 0x41, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff,
    ];
    let is = |unit, half: std::ops::RangeInclusive<u32>| half.contains(&unit);
    for one in units {
        for other in units {
            let pair = is(one, 0xd800..=0xdbff) && is(other, 0xdc00..=0xdfff);
            let plain = !is(one, 0xd800..=0xdfff) && !is(other, 0xd800..=0xdfff);
            let text = format!(r#"{{"a":"\u{one:04x}\u{other:04X}"}}"#);
            assert_eq!(taken(&text), pair || plain, "{text}");
        }
        assert_eq!(
            taken(&format!(r#"{{"a":"\u{one:04x}"}}"#)),
            !is(one, 0xd800..=0xdfff)
        );
        assert!(!taken(&format!(r#"{{"a":"\u{one:04x}\n"#)));
    }
}

#[test]
fn strings_are_unescaped_as_serde_json_does_it() {
    let parts = [
        "",
        "a",
        "\u{e4}",
        "\u{1f600}",
        r#"\""#,
        r"\\",
        r"\/",
        r"\b",
        r"\f",
        r"\n",
        r"\r",
        r"\t",
        r"\u0000",
        r"\u0041",
        r"\u00e4",
        r"\uFFFF",
        r"\ud83d\ude00",
        r"\uDBFF\uDFFF",
        r"\uD800\uDC00",
        "\u{20ac}uro and more than eight bytes",
    ];
    for one in parts {
        for two in parts {
            for three in parts {
                let quoted = format!("\"{one}{two}{three}\"");
                let theirs: String = serde_json::from_str(&quoted).unwrap();
                assert_eq!(string(&quoted).unwrap(), theirs, "{quoted}");
                // In the place of a name, too.
                assert_eq!(read(&format!("{{{quoted}:0}}")).unwrap()[0].0, theirs);
            }
        }
    }
}

#[test]
fn a_twin_is_found_however_each_of_them_is_escaped() {
    let spellings = ["aB", r"a\u0042", r"\u0061B", r"\u0061\u0042"];
    for number in [0, 5, 20] {
        let others: Vec<_> = (0..number)
            .map(|n| {
                if n % 2 == 0 {
                    format!(r#""m{n}":0,"#)
                } else {
                    format!(r#""\u006d{n}":0,"#)
                }
            })
            .collect();
        for one in spellings {
            assert!(read(&format!(r#"{{{}"{one}":0}}"#, others.concat())).is_ok());
            for other in spellings {
                let text = format!(r#"{{"{one}":0,{}"{other}":0}}"#, others.concat());
                assert_eq!(read(&text), Err(DUPLICATE), "{text}");
            }
        }
    }
}

#[test]
fn numbers_have_signs_where_json_has_them() {
    for number in [
        "-1", "-0", "-1.5", "1e+5", "1e-5", "1E+05", "-1.5e-3", "0e0",
    ] {
        assert!(taken(&format!("{{\"a\":{number}}}")), "{number}");
        assert!(taken(&format!("{{\"a\":[{number},{number}]}}")), "{number}");
    }
    for other in ["--1", "-", "-a", "-01", "1e", "1e+", "1e--1", "1-", "+1"] {
        assert!(!taken(&format!("{{\"a\":{other}}}")), "{other}");
    }
}

#[test]
fn duplicates_are_found_however_they_are_spelt_and_however_many_there_are() {
    assert_eq!(read(r#"{"alg":1,"\u0061lg":2}"#), Err(DUPLICATE));
    let mut many: Vec<String> = (0..100).map(|n| format!("\"m{n}\":0")).collect();
    assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
    many.push(many[7].clone());
    assert_eq!(read(&format!("{{{}}}", many.join(","))), Err(DUPLICATE));
    // In order, and with a twin beside it.
    many.sort();
    assert_eq!(read(&format!("{{{}}}", many.join(","))), Err(DUPLICATE));
    many.dedup();
    assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
    many.reverse();
    assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
}

#[test]
fn a_twin_is_found_among_many_wherever_it_stands_and_in_whatever_order() {
    let object = |names: &[String]| {
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":0")).collect();
        read(&format!("{{{}}}", members.join(",")))
    };
    let sorted: Vec<String> = (10..60).map(|n| format!("m{n}")).collect();
    let reversed: Vec<String> = sorted.iter().rev().cloned().collect();
    for names in [sorted, reversed] {
        assert!(object(&names).is_ok());
        for at in [0, 1, 24, 48, 49] {
            let mut twice = names.clone();
            twice.insert(at, names[at].clone());
            assert_eq!(object(&twice), Err(DUPLICATE), "{at}");
        }
    }
    assert_eq!(object(&vec!["same".to_owned(); 20]), Err(DUPLICATE));
}

#[test]
fn nesting_is_bounded_without_recursion_and_where_serde_json_bounds_it() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(126)).is_ok());
    assert!(serde_json::from_str::<serde_json::Value>(&nested(126)).is_ok());
    assert_eq!(read(&nested(127)), Err(TOO_DEEP));
    assert!(serde_json::from_str::<serde_json::Value>(&nested(127)).is_err());
    assert_eq!(read(&nested(100_000)), Err(TOO_DEEP));
}

#[test]
fn numbers_and_strings_are_read_from_their_texts() {
    assert_eq!(number("1.5e3"), Some(1500.0));
    assert_eq!(number("-0"), Some(-0.0));
    for exact in [
        "0",
        "7",
        "1893456000",
        "999999999999999",
        "9999999999999999",
        "253402300799",
        // Too long to be added up digit by digit.
        "79418240975455594",
        "944688527095733537",
        "221285772177715936837",
    ] {
        assert_eq!(number(exact), exact.parse().ok(), "{exact}");
    }
    assert_eq!(number("1e400"), None);
    assert_eq!(number("\"1\""), None);
    assert_eq!(string(r#""a\u0026b""#).unwrap(), "a&b");
    assert_eq!(string("1"), None);
    assert_eq!(string("\""), None);
}

proptest! {
    #[test]
    fn it_accepts_exactly_what_serde_json_accepts(text in r#"[ \{\}\[\],:"\\a-c0-3.eEu+\-tfn]{0,24}"#) {
        let ours = members(&text, |_| Ok(()));
        let serde = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
        if ours != Err(DUPLICATE) {
            prop_assert_eq!(ours.is_ok(), serde.is_ok(), "{}", text);
        }
    }
}
