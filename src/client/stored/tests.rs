use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::json::UnparsedJson;

const USER: &str = r#"{ "userId":"U1", "name":"\u00e9", "n":[1, 2.50], "userId":"U2" }"#;
const IDP: &str = r#"[{"saml" : "\n"}, null]"#;

fn unparsed(text: &str) -> UnparsedJson {
    let object = format!(r#"{{"it":{text}}}"#);
    let members = Members::parse(object.as_bytes()).unwrap();
    members.last("it").unwrap().to_unparsed()
}

fn full() -> RawAnswer {
    let text = |text: &str| Some(text.to_owned());
    RawAnswer {
        session_token: Some(SessionToken::new("a.b.c")),
        refresh_token: Some(RefreshToken::new("d.e.f")),
        cookie_domain: text("acme.test"),
        cookie_path: text("/p"),
        cookie_max_age: Some(i64::MAX),
        cookie_expiration: Some(i64::MIN),
        cookie_name: text("RN"),
        session_cookie_name: text("SN"),
        session_cookie_domain: text("s.acme.test"),
        user: Some(unparsed(USER)),
        first_seen: Some(false),
        idp_response: Some(unparsed(IDP)),
        session_expiration: Some(1_767_226_200),
        external_token: Some(OpaqueToken::new("external \"\\\u{1}\u{e9}")),
        tenant_sso_id: text("sso"),
        trusted_device_token: Some(OpaqueToken::new("device")),
        known_device_token: Some(OpaqueToken::new("known device")),
        next_refresh_seconds: Some(0),
        fault: Some(Error::timed_out()),
    }
}

/// All fields, under the names that they are written by.
fn fields(answer: &RawAnswer) -> Vec<(&'static str, Option<String>)> {
    let RawAnswer {
        session_token,
        refresh_token,
        cookie_domain,
        cookie_path,
        cookie_max_age,
        cookie_expiration,
        cookie_name,
        session_cookie_name,
        session_cookie_domain,
        user,
        first_seen,
        idp_response,
        session_expiration,
        external_token,
        tenant_sso_id,
        trusted_device_token,
        known_device_token,
        next_refresh_seconds,
        fault,
    } = answer;
    let number = |number: &Option<i64>| number.map(|number| number.to_string());
    let json = |json: &Option<UnparsedJson>| Some(serde_json::to_string(json.as_ref()?).unwrap());
    let opaque = |token: &Option<OpaqueToken>| Some(token.as_ref()?.expose().to_owned());
    let session = session_token.as_ref().map(SessionToken::expose);
    let refresh = refresh_token.as_ref().map(RefreshToken::expose);
    vec![
        ("sessionJwt", session.map(str::to_owned)),
        ("refreshJwt", refresh.map(str::to_owned)),
        ("cookieDomain", cookie_domain.clone()),
        ("cookiePath", cookie_path.clone()),
        ("cookieMaxAge", number(cookie_max_age)),
        ("cookieExpiration", number(cookie_expiration)),
        ("cookieName", cookie_name.clone()),
        ("sessionCookieName", session_cookie_name.clone()),
        ("sessionCookieDomain", session_cookie_domain.clone()),
        ("user", json(user)),
        ("firstSeen", first_seen.map(|seen| seen.to_string())),
        ("idpResponse", json(idp_response)),
        ("sessionExpiration", number(session_expiration)),
        ("externalToken", opaque(external_token)),
        ("tenantSSOID", tenant_sso_id.clone()),
        ("trustedDeviceJwt", opaque(trusted_device_token)),
        ("knownDeviceJwt", opaque(known_device_token)),
        ("nextRefreshSeconds", number(next_refresh_seconds)),
        (
            "fault",
            fault.as_ref().map(|fault| format!("{:?}", fault.kind())),
        ),
    ]
}

fn read(text: &str) -> Option<RawAnswer> {
    RawAnswer::from_bytes(text.as_bytes())
}

fn members(bytes: &[u8]) -> serde_json::Map<String, Value> {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn every_field_is_read_as_it_was_written() {
    let answer = full();
    assert!(fields(&answer).iter().all(|(_, value)| value.is_some()));
    let bytes = answer.to_bytes();
    let again = RawAnswer::from_bytes(&bytes).unwrap();
    assert_eq!(fields(&again), fields(&answer));
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.user.unwrap().text("userId").unwrap(), "U2");
}

#[test]
fn each_field_is_one_member_without_which_all_others_are_read() {
    let whole = members(&full().to_bytes());
    assert_eq!(whole.len(), 1 + fields(&full()).len());
    assert_eq!(whole["v"], 1);
    for (name, _) in fields(&full()) {
        for missing in [None, Some(json!(null)), Some(json!(""))] {
            let mut other = whole.clone();
            other.remove(name).unwrap();
            other.extend(missing.map(|value| (name.to_owned(), value)));
            let other = read(&json!(other).to_string()).unwrap();
            for ((read, value), (_, expected)) in fields(&other).iter().zip(fields(&full())) {
                if *read == name {
                    assert_eq!(*value, None, "{name}");
                } else if !["user", "idpResponse"].contains(read) {
                    assert_eq!(*value, expected, "{read} without {name}");
                } else {
                    assert!(value.is_some(), "{read} without {name}");
                }
            }
        }
    }
}

#[test]
fn an_answer_without_anything_is_its_version_alone() {
    let empty = RawAnswer::default();
    assert_eq!(empty.to_bytes().as_slice(), br#"{"v":1}"#);
    assert_eq!(empty.tokens_to_bytes(), empty.to_bytes());
    let read = read(r#"{"v":1}"#).unwrap();
    assert!(fields(&read).iter().all(|(_, value)| value.is_none()));
}

#[test]
fn tokens_alone_are_those_of_the_session_and_what_their_cookies_need() {
    const LEFT_OUT: [&str; 5] = [
        "user",
        "idpResponse",
        "externalToken",
        "trustedDeviceJwt",
        "knownDeviceJwt",
    ];
    let tokens = RawAnswer::from_bytes(&full().tokens_to_bytes()).unwrap();
    for ((name, value), (_, expected)) in fields(&tokens).iter().zip(fields(&full())) {
        let expected = expected.filter(|_| !LEFT_OUT.contains(name));
        assert_eq!(*value, expected, "{name}");
    }
}

#[test]
fn another_version_or_none_is_not_read_and_unknown_members_are_ignored() {
    for version in ["0", "2", "1.5", "-1", "null", r#""1""#, "[1]", "true"] {
        let text = format!(r#"{{"v":{version},"sessionJwt":"a.b.c"}}"#);
        assert!(read(&text).is_none(), "{version}");
    }
    assert!(read(r#"{"sessionJwt":"a.b.c"}"#).is_none());
    let later = r#"{"new":{"v":2},"v":1,"sessionJwt":"a.b.c","newer":[[]]}"#;
    let later = read(later).unwrap();
    assert_eq!(later.session_token.unwrap().expose(), "a.b.c");
}

#[test]
fn what_is_no_json_object_is_not_read_and_oddities_count_as_in_descope_s_answers() {
    let whole = full().to_bytes();
    for end in 0..whole.len() {
        assert!(RawAnswer::from_bytes(&whole[..end]).is_none(), "{end}");
    }
    for text in [
        "null",
        "[]",
        "1",
        r#"{"v":1} x"#,
        r#"{"v":1,}"#,
        "\u{feff}{}",
    ] {
        assert!(read(text).is_none(), "{text}");
    }
    assert!(RawAnswer::from_bytes(b"{\"v\":1,\"cookieName\":\"\xff\"}").is_none());
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        read(&format!(r#"{{"v":1,"idpResponse":{open}{close}}}"#))
    };
    assert!(nested(128).is_none());
    // As deep as an answer of Descope's may be: none is read and cannot be written down.
    let deepest = nested(126).unwrap();
    assert!(RawAnswer::from_bytes(&deepest.to_bytes()).is_some());
    let twice = read(r#"{"v":2,"v":1,"cookieName":"a","cookieName":"b"}"#).unwrap();
    assert_eq!(twice.cookie_name.as_deref(), Some("b"));
    let odd = read(r#"{"v":1,"cookieName":7,"user":[],"sessionJwt":{}}"#).unwrap();
    assert!(fields(&odd).iter().all(|(_, value)| value.is_none()));
}

#[test]
fn a_fault_keeps_its_kind_and_nothing_of_its_text() {
    for &kind in KINDS {
        let fault = Error::new(kind, "secret message")
            .with_source(io::Error::other("secret source"))
            .with_code("E999999")
            .with_session_ended();
        let answer = RawAnswer {
            refresh_token: Some(RefreshToken::new("d.e.f")),
            fault: Some(fault),
            ..RawAnswer::default()
        };
        for bytes in [answer.to_bytes(), answer.tokens_to_bytes()] {
            let text = std::str::from_utf8(&bytes).unwrap();
            assert!(!text.contains("secret") && !text.contains("E999999"));
            let again = RawAnswer::from_bytes(&bytes).unwrap();
            assert_eq!(again.refresh_token.unwrap().expose(), "d.e.f");
            let fault = again.fault.unwrap();
            assert_eq!(fault.kind(), kind);
            assert!(!fault.ends_session() && fault.upstream_code().is_none());
        }
    }
    for unknown in [r#""of_next_year""#, "7", "{}", "false"] {
        let answer = read(&format!(r#"{{"v":1,"fault":{unknown}}}"#)).unwrap();
        let fault = answer.fault.unwrap();
        assert_eq!(fault.kind(), ErrorKind::UpstreamInvalid, "{unknown}");
    }
}

#[test]
fn records_that_make_an_answer_longer_than_64_kib_are_left_out_and_nothing_else() {
    let rest = RawAnswer {
        user: None,
        ..full()
    };
    let long = |room: usize| {
        let text = "x".repeat(room);
        let user = Some(UnparsedJson::from(json!({ "t": text })));
        RawAnswer { user, ..full() }.to_bytes()
    };
    let frame = rest.to_bytes().len() + r#","user":{"t":""}"#.len();
    let fits = long(MAX_WITH_RECORDS - frame);
    assert_eq!(fits.len(), MAX_WITH_RECORDS);
    let fits = RawAnswer::from_bytes(&fits).unwrap();
    assert!(fits.user.is_some() && fits.idp_response.is_some());

    let cut = RawAnswer::from_bytes(&long(MAX_WITH_RECORDS - frame + 1)).unwrap();
    for ((name, value), (_, expected)) in fields(&cut).iter().zip(fields(&full())) {
        let expected = expected.filter(|_| !["user", "idpResponse"].contains(name));
        assert_eq!(*value, expected, "{name}");
    }
}

#[test]
fn what_is_written_never_grows_out_of_its_buffer() {
    for bytes in [full().to_bytes(), full().tokens_to_bytes()] {
        assert_eq!(bytes.capacity(), bytes.len());
    }
}

proptest! {
    #[test]
    fn whatever_bytes_there_are_reading_them_does_not_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300)
    ) {
        prop_assert!(RawAnswer::from_bytes(&bytes).is_none());
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = full().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(answer) = RawAnswer::from_bytes(&bytes) {
            let again = RawAnswer::from_bytes(&answer.to_bytes()).unwrap();
            prop_assert_eq!(fields(&again), fields(&answer));
        }
    }

    #[test]
    fn texts_are_read_as_they_were_written(token in "\\PC+|.+", name in ".+", age in any::<i64>()) {
        let answer = RawAnswer {
            refresh_token: Some(RefreshToken::new(token)),
            cookie_name: Some(name),
            cookie_max_age: Some(age),
            ..RawAnswer::default()
        };
        let again = RawAnswer::from_bytes(&answer.to_bytes()).unwrap();
        prop_assert_eq!(fields(&again), fields(&answer));
    }
}
