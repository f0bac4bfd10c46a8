//! Remedies for a key endpoint that never gave a key.
//!
//! The causes are told by the texts of other crates' errors. A text that changes costs a remedy its
//! precision and nothing else.

/// The causes that have a remedy of their own, each with the words by which it is told. The first
/// that fits counts.
const CAUSES: [(Cause, &[&str]); 7] = [
    (Cause::NotFound, &["status 404"]),
    (Cause::OtherStatus, &["status "]),
    (Cause::Name, &["dns error", "failed to lookup address"]),
    (Cause::Refused, &["Connection refused", "os error 111"]),
    (
        Cause::NoTls,
        &[
            "InvalidContentType",
            "corrupt message",
            "wrong version number",
            "packet length too long",
        ],
    ),
    (
        Cause::Certificate,
        &["certificate", "UnknownIssuer", "unable to get local issuer"],
    ),
    (
        Cause::NotDescope,
        &[
            "expected value at line 1",
            "EOF while parsing",
            "not a JSON object",
            "no array of keys",
        ],
    ),
];

#[derive(Clone, Copy)]
enum Cause {
    NotFound,
    OtherStatus,
    Name,
    Refused,
    NoTls,
    Certificate,
    NotDescope,
}

/// The remedy for a fetch that failed because of `why`; `project_id` and `base_url` are the settings of
/// these names, by their variable or setter.
pub(super) fn of(why: Option<&str>, project_id: &str, base_url: &str) -> String {
    let why = why.unwrap_or_default();
    let mut causes = CAUSES.into_iter();
    let cause = causes.find(|(_, words)| words.iter().any(|word| why.contains(word)));
    let remedy = match cause.map(|(cause, _)| cause) {
        Some(Cause::NotFound) => format!(
            "descope knows no such project there: copy the project id from its console into \
             {project_id}, and check that {base_url} gives the project's region"
        ),
        Some(Cause::OtherStatus) => format!(
            "something answers that does not serve the project's keys: check {base_url} and the \
             proxies on the way"
        ),
        Some(Cause::Name) => format!(
            "the host's name cannot be resolved: check {base_url}, and this machine's resolver"
        ),
        Some(Cause::Refused) => format!(
            "nothing listens there: check host and port in {base_url}, and whether a proxy has to be \
             set (proxy, system_proxy)"
        ),
        Some(Cause::NoTls) => format!(
            "the port does not speak TLS: check scheme and port in {base_url}; plain http is for \
             loopback"
        ),
        Some(Cause::Certificate) => format!(
            "the certificate is not trusted: if a proxy on the way makes its own, give its issuer by \
             root_certificate; else check {base_url}"
        ),
        Some(Cause::NotDescope) => format!(
            "it is not descope that answers: check {base_url}, and that no page for people (a login \
             of a proxy, a start page) stands there"
        ),
        None => format!("check {project_id}, {base_url} and the network"),
    };
    format!("{remedy}. The URL is made of {base_url} and {project_id}")
}
