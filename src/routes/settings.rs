//! The settings of `SessionRoutes`.

use super::sign_in::SignIn;
use crate::{
    endpoint::{AnswerFields, RefusalResponses},
    return_paths::ReturnPaths,
};

#[derive(Clone, Debug, Default)]
pub(super) struct RoutesSettings {
    /// The path below which the routes are. It begins with a slash and does not end in one, or it
    /// is empty.
    pub(super) prefix: String,
    /// The pages that the forms of a sign-out lead to. `None`: forms are not accepted.
    pub(super) forms: Option<ReturnPaths>,
    /// The rules of sign-ins. `None`: there is no such call.
    pub(super) sign_in: Option<SignIn>,
    pub(super) accept_bearer: bool,
    pub(super) fields: AnswerFields,
    pub(super) refusals: RefusalResponses,
}
