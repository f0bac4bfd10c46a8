//! Prints what is logged, one event a line. An application takes `tracing-subscriber` for this; the
//! examples do without its crates so that they are built sooner.

use std::{
    env,
    fmt::{self, Write as _},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::{SetGlobalDefaultError, set_global_default},
};

/// Shows the events of the example and the crate up to the level in `RUST_LOG`, and warnings of others.
/// Anything else than a level, which may be meant for another program, counts as `info`.
pub(crate) fn init() -> Result<(), SetGlobalDefaultError> {
    let level = env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    set_global_default(Log {
        own: level.unwrap_or(LevelFilter::INFO),
    })
}

struct Log {
    own: LevelFilter,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let name = metadata.target().split("::").next();
        let shown = match name {
            Some("demo" | "forward_auth" | "tower_descope") => self.own,
            _ => LevelFilter::WARN,
        };
        *metadata.level() <= shown
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = format!("{:>5} {}:", metadata.level(), metadata.target());
        event.record(&mut Line(&mut line));
        println!("{line}");
    }

    // Spans are not shown, so that one identifier does for all.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The text of an event: its message, and its fields as `name=value`.
struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a `String` does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
