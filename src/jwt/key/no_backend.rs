//! Without a crypto feature there is nobody to check signatures, so no key can be made.

use std::convert::Infallible;

use super::material::{Algorithm, Material};

pub(super) const NAME: Option<&str> = None;

pub(super) struct Prepared(Infallible);

impl Prepared {
    pub(super) fn new(_: Algorithm, _: &Material) -> Result<Self, &'static str> {
        Err("no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto`")
    }

    pub(super) fn verify(&self, _: &[u8], _: &[u8]) -> bool {
        match self.0 {}
    }
}
