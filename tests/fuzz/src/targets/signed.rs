//! Behind a signature that holds: every check of the claims, with the usual verifier, in
//! both places, compared with the policy and with an independent implementation. And the same
//! bytes twice, since verdicts may be remembered.
//!
//! A text is three lines: choices, header, payload (which may have lines of its own). The choices
//! are three digits: which handle, which place, and what time it is.

use std::{
    cell::LazyCell,
    time::{Duration, UNIX_EPOCH},
};

use tower_descope::{Rejection, RejectionKind, Session, SessionToken, internals};

use super::{
    bed::{self, Bed, NOW},
    claims::{self, MEMBERS},
    header,
};
use crate::{
    dice::Dice,
    harness::Target,
    json_text,
    policy::{self, Slot, Verdict},
};

pub const TARGET: Target = Target {
    name: "signed",
    make,
    check,
    slow: 1,
};

thread_local! {
    static BEDS: LazyCell<[Bed; 3]> = const { LazyCell::new(bed::beds) };
}

const TIMES: [u64; 5] = [NOW, NOW - 1, NOW + 60, NOW - 86_400, NOW + 86_400];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let (which, slot) = (dice.below(3), usize::from(dice.one_in(4)));
    let time = if dice.one_in(4) { dice.below(5) } else { 0 };
    let header = if dice.one_in(8) {
        json_text::object(dice, header::MEMBERS)
    } else {
        r#"{"alg":"ES256","kid":"SK1","typ":"JWT"}"#.to_owned()
    };
    let payload = json_text::object(dice, MEMBERS);
    let payload = if slot == 1 && !dice.one_in(4) {
        payload.replace("\"DS\"", "\"DSR\"")
    } else {
        payload
    };
    format!(
        "{which}{slot}{time}\n{}\n{payload}",
        header.replace('\n', " ")
    )
    .into_bytes()
}

fn check(text: &[u8]) {
    let mut parts = text.splitn(3, |&byte| byte == b'\n');
    let (Some(choices), Some(header), Some(payload)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let choice = |at: usize, sides: usize| {
        let byte = choices.get(at).copied().unwrap_or_default();
        usize::from(byte.wrapping_sub(b'0')) % sides
    };
    let slot = [Slot::Session, Slot::Refresh][choice(1, 2)];
    let now = TIMES[choice(2, 5)];
    let token = bed::signed_token(header, payload);
    BEDS.with(|beds| judge(&beds[choice(0, 3)], slot, now, &token, payload));
}

fn judge(bed: &Bed, slot: Slot, now: u64, token: &str, payload: &[u8]) {
    bed.clock.set_wall(UNIX_EPOCH + Duration::from_secs(now));
    let first = verdict(bed, slot, token);
    assert_eq!(verdict(bed, slot, token), first, "the same bytes again");
    let mut expected = policy::judge(&bed.policy, token, slot, now as f64, |_, _, _| true);
    if let Verdict::Good(seen) = &mut expected {
        seen.expires = 0.0;
    }
    match (&expected, slot) {
        (Verdict::Either, _) => {}
        (Verdict::Good(_), Slot::Refresh) => assert_eq!(first, Ok(None)),
        (Verdict::Good(_), Slot::Session) => assert_eq!(first, Ok(Some(expected))),
        (_, _) => assert_eq!(first, Err(expected)),
    }
    if first.is_ok() {
        let text = std::str::from_utf8(payload).unwrap();
        match bed::other_opinion(token) {
            Ok(claims) if claims::is_beyond(text) => drop(claims),
            Ok(claims) => bed::other_time(&claims, bed.policy.leeway, now).unwrap(),
            Err(why) => assert!(
                claims::is_beyond(text) || why.contains("out of range"),
                "accepted here, and not by the other: {why}"
            ),
        }
    }
}

/// What is seen of a session, nothing of a refresh token; or why there is none.
fn verdict(bed: &Bed, slot: Slot, token: &str) -> Result<Option<Verdict>, Verdict> {
    let why = |rejection: Rejection| match rejection.kind() {
        RejectionKind::ExpiredToken => Verdict::Expired,
        RejectionKind::InvalidToken => Verdict::Invalid,
        RejectionKind::AnonymousSession => Verdict::Anonymous,
        other => panic!("{other:?}"),
    };
    let seen = |session: Session| Some(Verdict::Good(Box::new(bed::seen(&session))));
    match slot {
        Slot::Session => bed::ready(bed.descope.verify(&SessionToken::new(token)))
            .map(seen)
            .map_err(why),
        Slot::Refresh => bed::ready(internals::refresh_verdict(&bed.descope, token))
            .map(|()| None)
            .map_err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness;

    /// A target whose inputs are all refused at the first branch finds nothing.
    #[test]
    fn enough_of_what_is_made_gets_to_the_end() {
        let (mut good, mut expired) = (0, 0);
        for number in 0..4_000 {
            let text = harness::make(TARGET, number);
            let mut parts = text.splitn(3, |&byte| byte == b'\n');
            let mut part = || parts.next().unwrap();
            let (_, header, payload) = (part(), part(), part());
            let token = bed::signed_token(header, payload);
            BEDS.with(|beds| {
                for bed in beds.iter() {
                    bed.clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
                    match verdict(bed, Slot::Session, &token) {
                        Ok(_) => good += 1,
                        Err(Verdict::Expired) => expired += 1,
                        Err(_) => {}
                    }
                }
            });
        }
        assert!(
            good > 600 && expired > 60,
            "{good} good, {expired} expired, of 12,000"
        );
    }
}
