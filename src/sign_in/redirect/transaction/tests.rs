use http::header;
use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn attempt(path: &str, seconds: u64) -> Transaction {
    Transaction::new(
        new_state().unwrap(),
        Destination::OAuth("google".into()),
        Some(TenantId::new("T2acme").unwrap()),
        path.into(),
        Some(true),
        NOW + Duration::from_secs(seconds),
    )
}

/// The cookies that a browser holds after these lines.
fn keep(jar: &mut Vec<(String, String)>, lines: &[HeaderValue]) {
    for line in lines {
        let text = line.to_str().unwrap();
        let (name, rest) = text.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        jar.retain(|(held, _)| held != name);
        if !text.contains("Max-Age=0") {
            jar.push((name.to_owned(), value.to_owned()));
        }
    }
}

fn headers(jar: &[(String, String)]) -> HeaderMap {
    let pairs: Vec<_> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::COOKIE,
        HeaderValue::from_str(&pairs.join("; ")).unwrap(),
    );
    headers
}

#[test]
fn an_attempt_is_found_again_by_its_state_alone() {
    let usual = CookieAttributes::USUAL;
    let mut jar = Vec::new();
    let (one, two) = (attempt("/a", 0), attempt("/b?x=1&y=%22", 1));
    for attempt in [&one, &two] {
        let lines = attempt.write(&headers(&jar), usual).unwrap();
        keep(&mut jar, &lines);
    }
    let headers = headers(&jar);
    for attempt in [&one, &two] {
        let found = Transaction::find(&headers, &attempt.state, usual).unwrap();
        assert_eq!(found.as_ref(), Some(attempt));
    }
    let [stranger, _] = new_state().unwrap();
    assert_eq!(Transaction::find(&headers, &stranger, usual).unwrap(), None);
    // Under the name of one state with the content of another.
    let name = cookie_of(&stranger, usual).unwrap();
    let planted = format!("{}={}", name.name(), one.value());
    let mut planted_headers = HeaderMap::new();
    planted_headers.insert(header::COOKIE, HeaderValue::from_str(&planted).unwrap());
    assert_eq!(
        Transaction::find(&planted_headers, &stranger, usual).unwrap(),
        None
    );
    keep(
        &mut jar,
        &[Transaction::removal(&one.state, usual).unwrap()],
    );
    assert_eq!(jar.len(), 1);
}

#[test]
fn states_are_random_and_of_one_form() {
    let [one, two] = new_state().unwrap();
    assert!(is_state(&one) && is_state(&two) && one != two);
    for bad in [
        "",
        "a",
        &one[1..],
        &format!("{one}x"),
        &format!("{}+", &one[1..]),
    ] {
        assert!(!is_state(bad), "{bad:?}");
    }
}

#[test]
fn an_attempt_may_take_ten_minutes() {
    let attempt = attempt("/", 0);
    for (seconds, in_time) in [(0, true), (600, true), (601, false)] {
        assert_eq!(
            attempt.is_in_time(NOW + Duration::from_secs(seconds)),
            in_time
        );
    }
    let before = |seconds| NOW.checked_sub(Duration::from_secs(seconds)).unwrap();
    assert!(attempt.is_in_time(before(60)));
    assert!(!attempt.is_in_time(before(61)));
}

#[test]
fn what_cannot_be_read_goes_first() {
    let usual = CookieAttributes::USUAL;
    let mut jar = vec![("__Host-DSX-abcdefgh".to_owned(), "?".to_owned())];
    let lines = attempt("/", 0).write(&headers(&jar), usual).unwrap();
    keep(&mut jar, &lines);
    assert_eq!(jar.len(), 1);
    assert_ne!(jar[0].1, "?");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn thousands_of_attempts_never_fill_a_jar_and_the_newest_is_always_there(
        paths in proptest::collection::vec("/[a-z]{0,1000}", 1..120),
        insecure in any::<bool>(),
    ) {
        let attributes = CookieAttributes { insecure, ..CookieAttributes::USUAL };
        let mut jar = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let attempt = attempt(path, number as u64);
            let lines = attempt.write(&headers(&jar), attributes).unwrap();
            keep(&mut jar, &lines);
            let size: usize = jar.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(size <= 3_500, "{size}");
            prop_assert!(jar.len() <= 8);
            let found = Transaction::find(&headers(&jar), &attempt.state, attributes).unwrap();
            prop_assert_eq!(found, Some(attempt));
        }
    }
}
