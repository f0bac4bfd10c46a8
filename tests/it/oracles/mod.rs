//! Verdicts compared with an independent model, with vectors of others and with the official SDKs.

mod jars;
mod matrix;
mod model;
mod sdk;
mod vectors;
