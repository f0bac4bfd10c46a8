//! The recipes of the documentation (`src/docs/recipes.md` of the crate), each a small application.
//!
//! What stands between `// recipe: …` and `// end of recipe` is what the chapter shows;
//! `tests/it/chapter.rs` compares them. The tests of each recipe are in the file of the same name
//! there.

pub mod dioxus_functions;
pub mod graphql;
pub mod job;
pub mod lambda;
pub mod leptos_functions;
pub mod openapi_aide;
pub mod openapi_utoipa;
pub mod rate_limit;
pub mod worker;
