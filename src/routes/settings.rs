//! The settings of `SessionRoutes`.

use crate::endpoint::AnswerFields;

#[derive(Clone, Debug, Default)]
pub(super) struct RoutesSettings {
    /// The path below which the routes are. It begins with a slash and does not end in one, or it
    /// is empty.
    pub(super) prefix: String,
    pub(super) accept_bearer: bool,
    pub(super) fields: AnswerFields,
}
