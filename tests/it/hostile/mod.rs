//! Hostile clients, servers, pages and answers, and load.

mod broken;
mod faults;
mod injection;
mod secrets;
mod soak;
