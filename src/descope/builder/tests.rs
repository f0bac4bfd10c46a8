use super::*;

fn from(variables: &[(&str, &str)]) -> Result<DescopeBuilder, Error> {
    DescopeBuilder::from_lookup(|name| {
        variables
            .iter()
            .find(|(variable, _)| *variable == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_environment_names_project_base_and_key() {
    let builder = from(&[
        ("DESCOPE_PROJECT_ID", " P1 "),
        ("DESCOPE_BASE_URL", "https://url.example"),
    ])
    .unwrap();
    assert_eq!(builder.project_id, "P1");
    assert_eq!(builder.base_url.as_deref(), Some("https://url.example"));

    let builder = from(&[
        ("DESCOPE_PROJECT_ID", "P1"),
        ("DESCOPE_BASE_URI", "https://uri.example"),
        ("DESCOPE_BASE_URL", "https://url.example"),
        ("DESCOPE_PUBLIC_KEY", "{}"),
    ])
    .unwrap();
    assert_eq!(builder.base_url.as_deref(), Some("https://uri.example"));
    assert_eq!(builder.public_key.as_deref(), Some("{}"));

    for missing in [&[][..], &[("DESCOPE_PROJECT_ID", "")]] {
        let error = from(missing).unwrap_err();
        assert!(error.to_string().contains("DESCOPE_PROJECT_ID"));
    }
}
