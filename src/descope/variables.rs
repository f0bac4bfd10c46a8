/// The environment variable that a setting came from, for messages; `None`: it was made in code.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variables {
    pub(super) project_id: Option<&'static str>,
    pub(super) base_url: Option<&'static str>,
    pub(super) public_key: Option<&'static str>,
}
