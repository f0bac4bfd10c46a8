//! Log events whose level is known at run time only.

/// Emits an event of `tracing` at a level that is a value. `tracing`'s own macros want a constant,
/// since each of them registers one call site.
macro_rules! event_at {
    ($level:expr, $($event:tt)+) => {
        match $level {
            tracing::Level::ERROR => tracing::error!($($event)+),
            tracing::Level::WARN => tracing::warn!($($event)+),
            tracing::Level::INFO => tracing::info!($($event)+),
            _ => tracing::debug!($($event)+),
        }
    };
}

pub(crate) use event_at;
