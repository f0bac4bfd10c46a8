//! The records in Redis or Valkey.
//!
//! | file | about |
//! |---|---|
//! | `settings` | what users choose, and what is wrong with it |
//! | `address` | the URL, taken apart |
//! | `stream` | a connected stream: TCP, TLS, a Unix socket; never more bytes in than were asked for |
//! | `connection` | one server: connected at first use, and anew after a loss |
//! | `nodes` | the server of a key, in a cluster too |
//! | `keys` | the names of keys |
//! | `scripts` | the scripts and how they are run |
//! | `answers` | the answers, read |
//! | `failure` | what failed, in the words of the protocol |
//! | `store` | all of it, as a `Store` |

mod address;
mod answers;
mod connection;
mod failure;
mod keys;
mod marks;
mod nodes;
mod scripts;
mod settings;
mod store;
mod stream;

pub use settings::RedisSettings;
pub(crate) use store::RedisStore;
