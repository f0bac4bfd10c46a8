//! The failures of a Redis, in the words of the protocol.

use std::{error::Error as _, io, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::super::store::{StoreError, StoreErrorKind};

/// Longer than any first word of Redis's own.
const LONGEST_CODE: usize = 24;

/// A step that did not end in time.
pub(super) fn timed_out() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

/// The error of the operating system or of TLS in a failure, if it is one. It is shared there, and the
/// share is an error, too.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    type Shared = Arc<dyn std::error::Error + Send + Sync>;

    let shared = error.source()?.downcast_ref::<Shared>()?;
    shared.downcast_ref::<io::Error>()
}

/// An answer that no script of ours gives.
pub(super) fn invalid(why: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, why)
}

/// Says what a failure is to the protocol. Of a server's own words the code alone is told: the rest of
/// the line may be anything, and is another's.
pub(super) fn store_error(error: &RedisError) -> StoreError {
    use StoreErrorKind::{Invalid, Refused, Unreachable};

    if let Some(error) = io_error(error) {
        return match error.kind() {
            io::ErrorKind::InvalidData => {
                StoreError::new(Invalid, "redis: the answer is none of its protocol")
            }
            io::ErrorKind::TimedOut => StoreError::new(Unreachable, "redis: no answer in time"),
            // The words of this machine, of which none is the server's.
            _ => StoreError::new(Unreachable, format!("redis: {error}")),
        };
    }
    match error.kind() {
        ErrorKind::Io => StoreError::new(Unreachable, "redis: the connection failed"),
        ErrorKind::Server(
            kind @ (ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::Ask),
        ) => {
            let what = match kind {
                ServerErrorKind::BusyLoading => "it loads its data (LOADING)",
                ServerErrorKind::ClusterDown => "the cluster is down (CLUSTERDOWN)",
                // A script has several keys, some of which are always missing, and what is missing of a
                // part on its way is at neither of its nodes.
                _ => "keys are on their way to another node (TRYAGAIN)",
            };
            StoreError::new(Unreachable, format!("redis: {what}"))
        }
        // Only a cluster says so.
        ErrorKind::Server(ServerErrorKind::Moved) => StoreError::new(
            Refused,
            "redis is a cluster (MOVED): switch on `cluster(true)` of RedisSettings",
        ),
        ErrorKind::AuthenticationFailed => {
            StoreError::new(Refused, "redis refuses the user or the password")
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            StoreError::new(Invalid, "redis: the answer is none of its protocol")
        }
        _ => match error.code().filter(|code| is_code(code)) {
            // Says one of our scripts of a record that it cannot have written.
            Some("BADRECORD") => invalid("redis: a record is not as it was written"),
            Some(code) => StoreError::new(Refused, format!("redis refuses ({code})")),
            None => StoreError::new(Refused, "redis refuses"),
        },
    }
}

fn is_code(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= LONGEST_CODE
        && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_server(code: &str) -> RedisError {
        redis::make_extension_error(code.into(), Some("hush".into()))
    }

    #[test]
    fn a_failure_is_told_by_its_code_and_by_nothing_that_a_server_wrote_beside_it() {
        for code in ["NOAUTH", "OOM", "WRONGTYPE", "MISCONF", "BUSY"] {
            let told = store_error(&of_server(code));
            assert_eq!(told.kind, StoreErrorKind::Refused);
            assert_eq!(told.message, format!("redis refuses ({code})"));
        }
        for code in ["", "hush", "A-B", "AAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(store_error(&of_server(code)).message, "redis refuses");
        }
        assert_eq!(
            store_error(&of_server("BADRECORD")).kind,
            StoreErrorKind::Invalid
        );
    }

    #[test]
    fn an_error_of_the_operating_system_is_nothing_that_redis_said() {
        for (kind, expected) in [
            (
                io::ErrorKind::ConnectionRefused,
                StoreErrorKind::Unreachable,
            ),
            (io::ErrorKind::BrokenPipe, StoreErrorKind::Unreachable),
            (io::ErrorKind::TimedOut, StoreErrorKind::Unreachable),
            (io::ErrorKind::InvalidData, StoreErrorKind::Invalid),
        ] {
            assert_eq!(store_error(&io::Error::from(kind).into()).kind, expected);
        }
        let error = RedisError::from((ErrorKind::AuthenticationFailed, "hush"));
        assert_eq!(store_error(&error).kind, StoreErrorKind::Refused);
    }
}
