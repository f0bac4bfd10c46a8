//! The world of `interleavings`: a browser, its requests, our table, a model of Descope.

use super::{
    super::{
        call::CallOutcome,
        family::{FamilyStep, Newest},
        table::Arrival,
    },
    bench::{Bench, KEEP, failed, rotated, unrotated},
    upstream::{Descope, Fate, Pair, Reply, RequestKind},
};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Idle,
    /// With the refresh cookie of that moment.
    Sent(Option<u8>),
    Waiting,
    Up(u8),
    Replied(Reply),
    /// An answer, or whether the failure ends the session.
    Ended(Result<u32, bool>),
    Head(Cookies),
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Cookies {
    Untouched,
    Removed,
    Written(Pair),
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) kind: RequestKind,
    pub(super) stage: Stage,
    pub(super) arrival: Option<Arrival>,
}

#[derive(Clone, Copy)]
pub(super) enum Event {
    Go(usize),
    Lose(usize),
    Second,
    /// So long passes that every answer is older than the keep time, whatever is under way.
    Minutes,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone)]
pub(super) struct World {
    pub(super) bench: Bench,
    pub(super) requests: Vec<Request>,
    pub(super) descope: Descope,
    /// The browser's cookies.
    pub(super) jar: Option<Pair>,
    /// The sessions that Descope granted, by the number of the answer.
    pub(super) granted: Vec<Pair>,
    /// The newest answer that came here.
    pub(super) newest: Option<u32>,
    pub(super) losses: u8,
    /// Says if a call was lost, and if a second has passed since.
    pub(super) rests: bool,
    pub(super) passed: bool,
    /// Says if minutes may pass, and if they have.
    pub(super) may_take_long: bool,
    pub(super) took_long: bool,
    /// A successor that Descope made and nobody got.
    pub(super) orphaned: bool,
    /// A logout has arrived; a logout's response was delivered; cookies were written after that.
    pub(super) logout: bool,
    pub(super) signed_out: bool,
    pub(super) overtaken: bool,
}

pub(super) fn name(token: u8) -> String {
    format!("t{token}")
}

impl World {
    pub(super) fn new(
        kinds: &[RequestKind],
        rotation: bool,
        losses: u8,
        may_take_long: bool,
    ) -> Self {
        let request = |&kind| Request {
            kind,
            stage: Stage::Idle,
            arrival: None,
        };
        Self {
            bench: Bench::new(KEEP),
            requests: kinds.iter().map(request).collect(),
            descope: Descope {
                rotation,
                newest: 0,
                tenant: 1,
                fate: Fate::Live,
            },
            jar: Some(Pair {
                refresh: 0,
                tenant: 1,
            }),
            granted: Vec::new(),
            newest: None,
            losses,
            rests: false,
            passed: false,
            may_take_long,
            took_long: false,
            orphaned: false,
            logout: false,
            signed_out: false,
            overtaken: false,
        }
    }

    pub(super) fn key(&self) -> u128 {
        // Who is who does not matter, nor what is over.
        let requests = self.requests.iter().filter_map(|request| {
            let ticket = request.arrival.as_ref().map(|arrival| arrival.ticket);
            match request.stage {
                Stage::Over => None,
                Stage::Waiting => Some(format!("{:?}{ticket:?}", request.kind)),
                stage => Some(format!("{:?}{stage:?}", request.kind)),
            }
        });
        let mut requests: Vec<_> = requests.collect();
        requests.sort_unstable();
        let text = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
            self.bench.table,
            requests,
            self.descope,
            self.jar,
            self.granted,
            self.newest,
            (
                self.losses,
                self.rests,
                self.passed,
                self.took_long,
                self.orphaned,
                self.logout,
                self.signed_out,
                self.overtaken
            ),
        );
        hash(text.as_bytes())
    }

    pub(super) fn is_up(&self) -> bool {
        let mut stages = self.requests.iter().map(|request| request.stage);
        stages.any(|stage| matches!(stage, Stage::Up(_) | Stage::Replied(_)))
    }

    pub(super) fn go(&mut self, index: usize) -> Stage {
        let kind = self.requests[index].kind;
        match self.requests[index].stage {
            Stage::Idle => Stage::Sent(self.jar.map(|pair| pair.refresh)),
            Stage::Sent(None) if kind == RequestKind::Logout => Stage::Head(Cookies::Removed),
            Stage::Sent(None) => Stage::Head(Cookies::Untouched),
            Stage::Sent(Some(token)) => {
                self.requests[index].arrival = Some(self.bench.arrive(&name(token)));
                if kind == RequestKind::Logout {
                    self.logout = true;
                    self.bench.forget(&name(token));
                }
                Stage::Waiting
            }
            Stage::Waiting => self.turn(index),
            Stage::Up(token) => {
                let reply = self.descope.process(kind, token, &mut self.granted);
                Stage::Replied(reply)
            }
            Stage::Replied(reply) => {
                self.rests |= matches!(reply, Reply::Unreachable);
                self.end(index, self.outcome(reply))
            }
            Stage::Ended(result) => Stage::Head(self.head(index, result)),
            Stage::Head(cookies) => {
                self.deliver(kind, cookies);
                Stage::Over
            }
            Stage::Over => unreachable!("nothing is left to do"),
        }
    }

    fn turn(&mut self, index: usize) -> Stage {
        let request = &self.requests[index];
        let (kind, arrival) = (request.kind, request.arrival.as_ref().unwrap());
        let step = self.bench.table.next(arrival, &kind.op(), self.bench.now);
        match step.unwrap() {
            FamilyStep::Send { token } => {
                let token: u8 = token.expose()[1..].parse().unwrap();
                assert!(!self.is_up(), "two tokens of one family are up");
                assert!(
                    kind == RequestKind::Logout || !self.logout,
                    "signs in after a logout"
                );
                assert!(
                    token == self.descope.newest || self.orphaned,
                    "a rotated-out token goes up"
                );
                assert!(
                    kind == RequestKind::Logout || self.descope.fate == Fate::Live,
                    "a dead token goes up"
                );
                Stage::Up(token)
            }
            FamilyStep::Answer(answer) => {
                assert!(!self.logout, "an answer after a logout");
                let tenant = self.granted[answer as usize].tenant;
                assert!(kind == RequestKind::Refresh || kind == RequestKind::Select(tenant));
                Stage::Ended(Ok(answer))
            }
            FamilyStep::Refuse(error) => Stage::Ended(Err(error.removes_cookies())),
            FamilyStep::Wait => panic!("nothing is up to wait for"),
        }
    }

    pub(super) fn outcome(&self, reply: Reply) -> Result<CallOutcome<u32>, Error> {
        match reply {
            Reply::Session(answer) => {
                let Pair { refresh, tenant } = self.granted[answer as usize];
                let tenant = format!("T{tenant}");
                if self.descope.rotation {
                    rotated(answer, &name(refresh), &tenant)
                } else {
                    unrotated(answer, &tenant)
                }
            }
            Reply::Reused => failed(ErrorKind::RefreshTokenReused),
            Reply::Gone | Reply::LoggedOut => failed(ErrorKind::SessionEnded),
            Reply::Unreachable => failed(ErrorKind::UpstreamUnavailable),
        }
    }

    /// A call's end, which its caller then sees.
    fn end(&mut self, index: usize, outcome: Result<CallOutcome<u32>, Error>) -> Stage {
        let request = &self.requests[index];
        let family = request.arrival.as_ref().unwrap().family;
        let now = self.bench.now;
        if request.kind == RequestKind::Logout {
            let revoked = !matches!(&outcome, Err(error) if error.is_transient());
            let table = &mut self.bench.table;
            table.with_family(family, |family| family.signed_out(now, revoked));
            return Stage::Ended(Err(true));
        }
        let successor = outcome.as_ref().ok().and_then(|it| it.successor.as_ref());
        let digest = successor.map(Digest::of_test);
        let result = self.bench.table.done(family, now, outcome, digest);
        let result = result.unwrap();
        if let Ok(answer) = &result {
            self.newest = Some(*answer);
        }
        Stage::Ended(result.map_err(|error| error.removes_cookies()))
    }

    pub(super) fn lose(&mut self, index: usize) -> Stage {
        match self.requests[index].stage {
            Stage::Up(_) => Stage::Replied(Reply::Unreachable),
            Stage::Replied(reply) => {
                self.rests = true;
                self.orphaned |= self.descope.rotation && matches!(reply, Reply::Session(_));
                self.end(index, failed(ErrorKind::UpstreamTimeout))
            }
            _ => Stage::Over,
        }
    }

    /// The head of a response brings the newest answer that is known as it is made.
    fn head(&mut self, index: usize, result: Result<u32, bool>) -> Cookies {
        let request = &mut self.requests[index];
        let family = request.arrival.take().unwrap().family;
        let newest = self.bench.table.family(family).unwrap().newest();
        self.bench.table.leave(family);
        if request.kind == RequestKind::Logout {
            return Cookies::Removed;
        }
        match (result, newest) {
            (Ok(_), Newest::Answer(answer)) => {
                assert_eq!(Some(answer), self.newest, "older than the newest");
                assert!(!self.logout, "cookies that sign in, made after a logout");
                Cookies::Written(self.granted[answer as usize])
            }
            (Ok(_), Newest::None) => panic!("there was an answer"),
            (Ok(_), Newest::Ended) | (Err(false), _) => Cookies::Untouched,
            (Err(true), _) => {
                assert!(self.logout, "a session that goes on loses its cookies");
                Cookies::Removed
            }
        }
    }

    fn deliver(&mut self, kind: RequestKind, cookies: Cookies) {
        match cookies {
            Cookies::Untouched => {}
            Cookies::Removed => {
                self.jar = None;
                self.signed_out |= kind == RequestKind::Logout;
            }
            Cookies::Written(pair) => {
                self.overtaken |= self.signed_out;
                self.jar = Some(pair);
            }
        }
    }
}

/// The hash of Fowler, Noll and Vo, over words of eight bytes in place of single ones. Without
/// optimisation the standard library's takes half of the exploration's time.
fn hash(text: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, word: [u8; 8]| {
        let hash = (hash ^ u128::from(u64::from_le_bytes(word))).wrapping_mul(PRIME);
        // The upper half comes down, so that every bit of the text reaches every bit.
        hash ^ hash >> 64
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut hash = OFFSET;
    for word in words {
        hash = step(hash, *word);
    }
    step(step(hash, last), text.len().to_le_bytes())
}
