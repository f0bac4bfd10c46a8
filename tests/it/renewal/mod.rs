//! Renewal in the layer: browsers, lost answers, failures, whole days in simulated time.

mod anonymous;
mod beside;
mod connections;
mod cookies;
mod days;
mod delivery;
mod early;
mod failures;
mod holder;
mod layer;
mod lost_answers;
mod restarts;
mod rough_days;
mod service;
