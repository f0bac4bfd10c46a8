//! Which Descope an example asks: the project that the environment names, or an embedded stand-in.
//!
//! The stand-in is never the answer to a missing variable. Everybody knows its keys, so a service
//! that falls back to it lets everybody in, on the day on which its environment is incomplete.

use std::env;

/// Returns `true` for the stand-in, which `--fake` asks for, and `false` for the project that
/// `DESCOPE_PROJECT_ID` names. With neither it is the stand-in `by_default`, or an error that names
/// both remedies.
pub(crate) fn takes_fake(by_default: bool) -> Result<bool, String> {
    let mut asked = false;
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--fake" => asked = true,
            _ => {
                return Err(format!(
                    "unknown argument {argument:?}: only `--fake` is known"
                ));
            }
        }
    }
    let has_project = env::var("DESCOPE_PROJECT_ID").is_ok_and(|id| !id.trim().is_empty());
    if has_project && !asked {
        return Ok(false);
    }
    if asked || by_default {
        println!(
            "An embedded stand-in takes Descope's place, for trying things out: everybody knows \
             its keys."
        );
        return Ok(true);
    }
    Err(
        "there is no Descope to ask: set DESCOPE_PROJECT_ID to the id of your project, or end the \
         command with `-- --fake` for an embedded stand-in, whose keys everybody knows"
            .to_owned(),
    )
}
