//! Whole days in which answers are lost, requests are held up, and Descope is slow now and then.

mod by_layer;
mod by_routes;
mod day;
mod under_way;
