//! Settings that come from environment variables.

use std::env::{self, VarError};

use super::{builder::DescopeBuilder, handle::Descope};
use crate::error::Error;

const PROJECT_ID: &str = "DESCOPE_PROJECT_ID";
const BASE_URI: &str = "DESCOPE_BASE_URI";
const BASE_URL: &str = "DESCOPE_BASE_URL";
const PUBLIC_KEY: &str = "DESCOPE_PUBLIC_KEY";

impl Descope {
    /// Configures a project by the environment: `DESCOPE_PROJECT_ID`, and, each optional,
    /// `DESCOPE_BASE_URI` (else `DESCOPE_BASE_URL`) and `DESCOPE_PUBLIC_KEY` (a JWK). A variable
    /// that is empty or only white space counts as not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if a variable is missing or
    /// wrong; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        DescopeBuilder::from_env()?.build()
    }
}

impl DescopeBuilder {
    /// Starts with what the environment says, as [`Descope::from_env`], for further settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if `DESCOPE_PROJECT_ID` is
    /// not set, or if a variable is not Unicode. What else is wrong with a value shows at
    /// [`build`](Self::build), which names the variable too.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| env::var(name))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, Error> {
        let set = |name: &'static str| match lookup(name) {
            Ok(value) if value.trim().is_empty() => Ok(None),
            Ok(value) => Ok(Some((name, value))),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(Error::config(format!(
                "the environment variable {name} is not Unicode: set it anew, or unset it"
            ))),
        };
        let (name, project_id) = set(PROJECT_ID)?.ok_or_else(|| {
            Error::config("set the environment variable DESCOPE_PROJECT_ID to your project's id")
        })?;
        let mut builder = Descope::builder(project_id.trim());
        builder.variables.project_id = Some(name);
        let base_url = match set(BASE_URI)? {
            Some(uri) => Some(uri),
            None => set(BASE_URL)?,
        };
        (builder.variables.base_url, builder.base_url) = base_url.unzip();
        (builder.variables.public_key, builder.public_key) = set(PUBLIC_KEY)?.unzip();
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<DescopeBuilder, Error> {
        DescopeBuilder::from_lookup(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables
                .find(|(variable, _)| *variable == name)
                .ok_or(VarError::NotPresent)?;
            Ok((*value).to_owned())
        })
    }

    #[test]
    fn the_environment_names_project_base_and_key() {
        let builder = from(&[
            (PROJECT_ID, " P1 "),
            (BASE_URI, " "),
            (BASE_URL, "https://url.example"),
        ])
        .unwrap();
        assert_eq!(builder.project_id, "P1");
        assert_eq!(builder.base_url.as_deref(), Some("https://url.example"));

        let builder = from(&[
            (PROJECT_ID, "P1"),
            (BASE_URI, "https://uri.example"),
            (BASE_URL, "https://url.example"),
            (PUBLIC_KEY, "{}"),
        ])
        .unwrap();
        assert_eq!(builder.base_url.as_deref(), Some("https://uri.example"));
        assert_eq!(builder.public_key.as_deref(), Some("{}"));

        for missing in [&[][..], &[(PROJECT_ID, "")]] {
            let error = from(missing).unwrap_err();
            assert!(error.to_string().contains(PROJECT_ID));
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_variable() {
        for (wrong, about) in [
            ((PROJECT_ID, "P1/../evil"), "the project id is not"),
            ((BASE_URI, "api.descope.com"), "base_url is not a URL"),
            ((BASE_URL, "http://descope.example"), "base_url must be"),
            ((PUBLIC_KEY, "no key"), "public_key is not"),
        ] {
            let mut variables = vec![wrong];
            if wrong.0 != PROJECT_ID {
                variables.push((PROJECT_ID, "P1"));
            }
            let error = from(&variables).unwrap().build().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
            let message = error.to_string();
            let start = format!("{}: {about}", wrong.0);
            assert!(message.starts_with(&start), "{message}");
        }
    }

    #[test]
    fn a_value_made_in_code_is_not_laid_upon_the_environment() {
        let builder = from(&[
            (PROJECT_ID, "P1"),
            (BASE_URI, "https://uri.example"),
            (PUBLIC_KEY, "{}"),
        ]);
        let builder = builder.unwrap();
        let error = builder.base_url("nowhere").build().unwrap_err().to_string();
        assert!(error.starts_with("base_url is not a URL"), "{error}");
        let builder = from(&[(PROJECT_ID, "P1"), (PUBLIC_KEY, "{}")]).unwrap();
        let error = builder.public_key("[]").build().unwrap_err().to_string();
        assert!(error.starts_with("public_key is not"), "{error}");
    }

    #[test]
    fn a_region_made_in_code_does_not_override_a_variable_in_silence() {
        for variable in [BASE_URI, BASE_URL] {
            let builder = from(&[(PROJECT_ID, "P1"), (variable, "https://url.example")]);
            let error = builder.unwrap().region("euc1").build().unwrap_err();
            let message = error.to_string();
            assert!(message.contains(variable), "{message}");
            assert!(message.contains("region"), "{message}");
        }
        assert!(
            from(&[(PROJECT_ID, "P1")])
                .unwrap()
                .region("euc1")
                .build()
                .is_ok()
        );
    }

    #[test]
    fn a_variable_that_is_not_unicode_is_an_error_and_not_unset() {
        for wrong in [PROJECT_ID, BASE_URI, BASE_URL, PUBLIC_KEY] {
            let error = DescopeBuilder::from_lookup(|name| match name {
                name if name == wrong => Err(VarError::NotUnicode("?".into())),
                PROJECT_ID => Ok("P1".to_owned()),
                _ => Err(VarError::NotPresent),
            });
            let error = error.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
            let message = error.to_string();
            assert!(
                message.contains(&format!("{wrong} is not Unicode")),
                "{message}"
            );
        }
    }
}
