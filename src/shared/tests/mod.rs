//! The protocol as a whole.

mod model;
