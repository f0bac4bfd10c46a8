//! The pages of flows: what the sign-in component loads before and between its calls.

use serde_json::{Map, Value, json};

use super::service::{Answer, Service, not_found};
use crate::test_util::{
    canned::Canned,
    flow::{FakeFlow, OPENED, Step, WAITING, opened_id, screen_id},
};

/// The version of Descope's user interface components that the configuration names.
const COMPONENTS_VERSION: &str = "3.14.1";

/// How its own screens look, and those of scripts with the same elements, in the colours of the page.
const STYLE: &str = "\
    #root { font: 16px/1.5 system-ui, sans-serif; } \
    #root p { margin: 0 0 1rem; } \
    #root [role=alert] { font-weight: 600; } \
    #root label { display: block; margin-bottom: 1rem; } \
    #root label input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; \
        padding: .5rem .75rem; border: 1px solid #8a93a5; border-radius: 8px; \
        background: transparent; color: inherit; font: inherit; } \
    #root descope-button { display: inline-block; padding: .375rem .25rem; \
        border: 1px solid #8a93a5; border-radius: 8px; } ";

impl Service<'_> {
    /// A file of the folder that the component reads. Unlike the API it asks for no credentials.
    pub(super) fn pages(&self, file: &str) -> Answer {
        let path = &self.request.path;
        let folder = format!("/pages/{}/", self.settings.project_id);
        if !path.starts_with(&folder) {
            return Err(not_found(path));
        }
        match file {
            "config.json" => Ok(Canned::json(200, &self.config())),
            "theme.json" => {
                let style = |globals: &str| json!({"globals": globals, "components": {}});
                let theme = json!({"light": style(STYLE), "dark": style("")});
                Ok(Canned::json(200, &theme))
            }
            file => {
                let html = file.strip_suffix(".html").and_then(|id| self.screen(id));
                let html = html.ok_or_else(|| not_found(path))?;
                Ok(Canned::html(200, html.to_owned()))
            }
        }
    }

    fn config(&self) -> Value {
        let flows = self.state.directory.flows.iter().map(|(id, flow)| {
            let mut config = Map::new();
            config.insert("version".into(), 1.into());
            if begins_with_a_screen(flow) && !flow.hides_first_screen {
                config.insert("startScreenId".into(), screen_id(id, 0).into());
                config.insert("startScreenName".into(), "Screen".into());
            }
            (id.clone(), Value::Object(config))
        });
        json!({
            "componentsVersion": COMPONENTS_VERSION,
            "flows": flows.collect::<Map<_, _>>(),
        })
    }

    fn screen(&self, id: &str) -> Option<&str> {
        let (flow_id, _) = id.rsplit_once('.')?;
        let flow = self.state.directory.flows.get(flow_id)?;
        let mut steps = flow.steps.iter().enumerate();
        steps.find_map(|(index, step)| {
            let is_own = screen_id(flow_id, index) == id;
            match step {
                Step::Screen { html, .. } if is_own => Some(html.as_str()),
                Step::Poll { .. } | Step::Link { .. } if is_own => Some(WAITING),
                Step::Link { .. } if opened_id(flow_id, index) == id => Some(OPENED),
                _ => None,
            }
        })
    }
}

fn begins_with_a_screen(flow: &FakeFlow) -> bool {
    matches!(flow.steps.first(), Some(Step::Screen { .. }))
}
