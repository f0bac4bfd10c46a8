//! The bound on the connections to Descope. Over HTTP/1.1 a call has one to itself, so it is a bound
//! on the calls that are made at once.

use tokio::sync::{Semaphore, SemaphorePermit};

/// One connection of so many is for calls that rotate no refresh token.
const SHARE: usize = 4;

/// The connections that calls may have.
///
/// Calls that rotate a refresh token are listened to for a minute, so many of them may hang: they have
/// connections of their own, and leave the others to sign-outs, access keys and what only reads.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    rotating: Semaphore,
    /// `None` if there is one connection for all.
    others: Option<Semaphore>,
}

/// A connection, or the right to open one, until it is dropped.
pub(super) struct ConnectionPermit<'a>(#[expect(dead_code, reason = "held")] SemaphorePermit<'a>);

impl ConnectionLimit {
    /// A limit of so many connections, at least one.
    pub(super) fn new(connections: usize) -> Self {
        let others = (connections / SHARE).max(1);
        let rotating = connections.saturating_sub(others);
        if rotating == 0 {
            return Self {
                rotating: Semaphore::new(1),
                others: None,
            };
        }
        Self {
            rotating: Semaphore::new(rotating),
            others: Some(Semaphore::new(others)),
        }
    }

    /// Waits for a connection: first come, first served. Who stops waiting has taken none.
    pub(super) async fn permit(&self, rotates: bool) -> Option<ConnectionPermit<'_>> {
        let others = self.others.as_ref().filter(|_| !rotates);
        // It fails only once it has been closed, which nobody does.
        let permit = others.unwrap_or(&self.rotating).acquire().await.ok();
        permit.map(ConnectionPermit)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    type Wait<'a> = Pin<Box<dyn Future<Output = Option<ConnectionPermit<'a>>> + 'a>>;

    fn wait(limit: &ConnectionLimit, rotates: bool) -> Wait<'_> {
        Box::pin(limit.permit(rotates))
    }

    /// `None` while there is no connection.
    fn poll<'a>(wait: &mut Wait<'a>) -> Option<ConnectionPermit<'a>> {
        match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_quarter_is_for_calls_that_rotate_nothing() {
        for (connections, rotating, others) in [(2, 1, 1), (3, 2, 1), (8, 6, 2), (128, 96, 32)] {
            let limit = ConnectionLimit::new(connections);
            let mut held = Vec::new();
            for (rotates, most) in [(true, rotating), (false, others)] {
                for _ in 0..most {
                    held.push(poll(&mut wait(&limit, rotates)).unwrap());
                }
                assert!(poll(&mut wait(&limit, rotates)).is_none());
            }
            assert_eq!(held.len(), connections);
        }
    }

    #[test]
    fn one_connection_is_for_all() {
        let limit = ConnectionLimit::new(1);
        for (first, second) in [(true, false), (false, true)] {
            let held = poll(&mut wait(&limit, first)).unwrap();
            assert!(poll(&mut wait(&limit, second)).is_none());
            drop(held);
        }
    }

    #[test]
    fn the_first_to_wait_is_the_first_served_and_who_went_away_holds_up_nobody() {
        let limit = ConnectionLimit::new(1);
        let held = poll(&mut wait(&limit, true)).unwrap();
        let mut waiting: Vec<_> = (0..3).map(|_| wait(&limit, true)).collect();
        for one in &mut waiting {
            assert!(poll(one).is_none());
        }
        drop(waiting.remove(0));
        drop(held);
        assert!(poll(&mut waiting[1]).is_none());
        let held = poll(&mut waiting[0]).unwrap();
        assert!(poll(&mut waiting[1]).is_none());
        drop(held);
        assert!(poll(&mut waiting[1]).is_some());
    }
}
