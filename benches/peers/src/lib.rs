//! tower-descope and its peers, on the same tokens and keys; see `README.md`.

pub mod backend;
pub mod bed;
pub mod claims;
pub mod contender;
pub mod contenders;
pub mod measure;
pub mod scenario;
