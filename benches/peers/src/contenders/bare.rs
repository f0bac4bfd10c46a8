//! No authentication at all.

use axum::body::Body;
use tower::service_fn;

use crate::{
    backend::Backend,
    bed::Bed,
    contender::{Contender, service, through},
};

pub(super) const NAME: &str = "no auth";

pub(super) fn contender(bed: &Bed) -> Contender {
    let service = service_fn(service::<Body>(false, |_| true));
    Contender::new(NAME, "", Backend::AwsLc, through(bed.handle(), service))
}
