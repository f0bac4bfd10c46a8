//! How a family ends: by Descope's word, or because its user signed out.

use super::Family;
use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    rotation::{
        answer::KeptSession,
        end::{EndCause, FamilyEnd},
    },
};

impl<T: KeptSession> Family<T> {
    /// Notes what Descope said about a token of this family, if that was its end. The result is
    /// what the caller gets.
    pub(in crate::rotation) fn learned(&mut self, error: Error, now: Now) -> Error {
        let error = match error.kind() {
            // Another replica's word: its user signed out there.
            ErrorKind::SessionEnded if error.leaves_cookies() => {
                self.sign_out_elsewhere(now);
                return error;
            }
            ErrorKind::SessionEnded => error.with_session_ended(),
            ErrorKind::RefreshTokenReused => error,
            _ => return error,
        };
        match &self.dead {
            None => self.die(FamilyEnd::by_descope(error.clone(), self.ended, now)),
            // The response of the sign-in or sign-out has written the browser already.
            Some(dead) if !dead.is_by_descope() => return dead.error.clone().leaving_cookies(),
            Some(_) => {}
        }
        error
    }

    /// Notes how the call of a sign-out ended.
    pub(in crate::rotation) fn signed_out(&mut self, now: Now, confirmed: bool) {
        self.ended += 1;
        self.claimed = None;
        self.sign_out(now);
        if let Some(dead) = &mut self.dead
            && confirmed
        {
            dead.confirm();
        }
    }

    /// Notes that the user signed out: no kept answer, no further call, and what is under way
    /// brings its caller nothing.
    pub(in crate::rotation) fn sign_out(&mut self, now: Now) {
        match &mut self.dead {
            None => self.die(FamilyEnd::by_user(EndCause::SignOut, self.ended, now)),
            Some(dead) => dead.sign_out(now),
        }
    }

    /// Notes that the user signed out at another replica, likewise. That one tells Descope.
    pub(in crate::rotation) fn sign_out_elsewhere(&mut self, now: Now) {
        match &mut self.dead {
            None => self.die(FamilyEnd::by_user(EndCause::Elsewhere, self.ended, now)),
            Some(dead) if dead.is_by_descope() => dead.sign_out(now),
            Some(_) => {}
        }
    }

    /// Notes that another sign-in took its place in the browser, likewise.
    pub(in crate::rotation) fn supersede(&mut self, now: Now) {
        if self.dead.is_none() {
            self.die(FamilyEnd::by_user(EndCause::Superseded, self.ended, now));
        }
    }

    /// Notes that the user signed out everywhere, with another session, likewise.
    pub(in crate::rotation) fn sign_out_everywhere(&mut self, now: Now) {
        if self.dead.is_none() {
            self.die(FamilyEnd::by_user(EndCause::Everywhere, self.ended, now));
        }
    }

    /// Notes that Descope knows of a [`sign_out_everywhere`](Self::sign_out_everywhere).
    pub(in crate::rotation) fn signed_out_everywhere(&mut self) {
        if let Some(dead) = self.dead.as_mut().filter(|dead| dead.is_everywhere()) {
            dead.confirm();
        }
    }
}
