//! The end of a server: when it is asked for, and how long the last requests may take.
//!
//! What follows it in each example is [`Descope::drain`](tower_descope::Descope::drain).

use std::{future::Future, io, time::Duration};

use tokio::signal;

/// How long requests that are under way may take once the server is to stop. A connection that sends
/// half a request holds a graceful shutdown up for ever.
const GRACE: Duration = Duration::from_secs(10);

/// Completes when the process is asked to end: by Ctrl-C, or by SIGTERM, as container runtimes and
/// service managers do.
pub(crate) async fn requested() {
    let asked = async {
        tokio::select! {
            asked = signal::ctrl_c() => asked,
            asked = terminated() => asked,
        }
    };
    if let Err(error) = asked.await {
        // A server that cannot hear of its end is no reason to stop it now.
        eprintln!("no graceful shutdown: {error}");
        std::future::pending::<()>().await;
    }
}

/// Runs a server that stops when [`requested`], and gives it up where it has not ended in time.
pub(crate) async fn in_time<E>(server: impl Future<Output = Result<(), E>>) -> Result<(), E> {
    let overdue = async {
        requested().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended,
        () = overdue => {
            eprintln!("connections that are still open are cut off");
            Ok(())
        }
    }
}

#[cfg(unix)]
async fn terminated() -> io::Result<()> {
    let mut signals = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    signals.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> io::Result<()> {
    std::future::pending().await
}
