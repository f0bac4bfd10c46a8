use std::sync::Arc;

use http::{Response, request::Parts};

use super::{source::Source, verdict::Rule};
use crate::{
    ids::TenantId,
    origin,
    rejection::send_on,
    return_paths::{ReturnPaths, page_of, page_with},
};

/// The settings of a layer, and the offer that they make to a person.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) source: Arc<Source>,
    pub(super) rule: Rule,
    pub(super) or_active: bool,
    pub(super) switch_page: Option<ReturnPaths>,
}

impl Settings {
    /// Sends a person on to the page that offers the switch, where there is one.
    pub(super) fn offer_switch<B>(
        &self,
        response: &mut Response<B>,
        wanted: &TenantId,
        request: &Parts,
    ) {
        let Some(page) = &self.switch_page else {
            return;
        };
        if !origin::is_navigation(request.into()) {
            return;
        }
        let here = page_of(&request.uri);
        let mut fields = vec![("tenant", wanted.as_str())];
        fields.extend(here.as_deref().map(|path| ("return_to", path)));
        send_on(response, page_with(page, &fields));
    }
}
