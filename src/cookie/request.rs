//! The cookies of one request, read once for all who ask for them.

use http::HeaderMap;

use super::read::{CookieBytes, CookieReader, PresentedCookies, cookie_fields};
use crate::rejection::Rejection;

/// The cookies of a request, read when somebody first asks for them, and then at hand: a field may be
/// long, and is asked for a session and then, where there is none, for a refresh token.
pub(crate) struct RequestCookies<'h> {
    reader: &'h CookieReader,
    headers: &'h HeaderMap,
    bytes: Option<Result<CookieBytes<'h>, Rejection>>,
    texts: Option<Result<PresentedCookies<'h>, Rejection>>,
}

impl<'h> RequestCookies<'h> {
    pub(crate) fn new(reader: &'h CookieReader, headers: &'h HeaderMap) -> Self {
        Self {
            reader,
            headers,
            bytes: None,
            texts: None,
        }
    }

    /// The request's `Cookie` fields and nothing else, for whoever has to wait.
    pub(crate) fn fields(&self) -> HeaderMap {
        cookie_fields(self.headers)
    }

    /// The values, whatever their bytes: for whoever asks before [`texts`](Self::texts).
    ///
    /// # Errors
    ///
    /// As [`CookieReader::bytes`].
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&CookieBytes<'h>, Rejection> {
        let read = || self.reader.bytes(self.headers);
        let bytes = self.bytes.get_or_insert_with(read).as_ref();
        bytes.map_err(Clone::clone)
    }

    /// The values that are texts.
    ///
    /// # Errors
    ///
    /// As [`CookieReader::bytes`].
    pub(crate) fn texts(&mut self) -> Result<&PresentedCookies<'h>, Rejection> {
        let read = || {
            let bytes = self.bytes.take();
            let bytes = bytes.unwrap_or_else(|| self.reader.bytes(self.headers));
            bytes.map(CookieBytes::texts)
        };
        let texts = self.texts.get_or_insert_with(read).as_ref();
        texts.map_err(Clone::clone)
    }
}
