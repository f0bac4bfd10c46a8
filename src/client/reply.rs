use http::HeaderMap;
use zeroize::Zeroizing;

use super::set_cookie;
use crate::error::Error;

/// A successful response (2xx) of Descope.
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    /// The body, or the reason why it could not be read.
    pub(super) body: Result<Zeroizing<Vec<u8>>, Error>,
}

impl Reply {
    pub(super) fn body(&self) -> Result<&[u8], Error> {
        self.body
            .as_ref()
            .map(|body| body.as_slice())
            .map_err(Error::clone)
    }

    /// Returns the value of the first of these cookies that the answer sets.
    pub(super) fn cookie<'n>(&self, names: impl IntoIterator<Item = &'n String>) -> Option<String> {
        names
            .into_iter()
            .find_map(|name| set_cookie::value(&self.headers, name))
    }
}
