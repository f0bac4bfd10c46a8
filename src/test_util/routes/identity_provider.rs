//! The fake's own identity provider: a page on which one says who one is.

use std::fmt::Write as _;

use super::service::{Answer, Service, not_found};
use crate::test_util::{
    attempts::{Attempt, Provider},
    canned::Canned,
    html::{Escaped, page, query_value},
    people::FakeUser,
};

impl Service<'_> {
    pub(super) fn identity_provider(&mut self, provider: &str) -> Answer {
        let id = self.request.parameter("attempt").unwrap_or_default();
        let attempt = self.state.attempts.find(&id);
        let attempt = attempt.filter(|attempt| attempt.provider.path() == provider);
        let attempt = attempt
            .cloned()
            .ok_or_else(|| not_found(&self.request.path))?;
        if self.request.parameter("cancel").is_some() {
            return Ok(self.refused(&attempt));
        }
        let people = self.people(&attempt.provider);
        let named = |name: &str| people.iter().find(|person| person.is_named(name));
        let chosen = match self.request.parameter("user") {
            Some(user) => Some(named(&user).ok_or_else(|| not_found(&self.request.path))?),
            None => attempt
                .hint
                .as_deref()
                .filter(|_| !attempt.asks)
                .and_then(named),
        };
        match chosen {
            Some(person) => Ok(self.chosen(&attempt, &person.id)),
            None => Ok(self.choice(&id, &attempt.provider, &people)),
        }
    }

    /// Those who can sign in there. A visitor is nobody yet.
    fn people(&self, provider: &Provider) -> Vec<FakeUser> {
        let belongs = |user: &&FakeUser| match provider {
            Provider::OAuth(_) => true,
            Provider::Sso(tenant) => user.grants.tenants.contains_key(tenant),
        };
        let users = self.state.directory.users();
        users
            .filter(|user| !user.grants.anonymous)
            .filter(belongs)
            .cloned()
            .collect()
    }

    fn chosen(&mut self, attempt: &Attempt, user_id: &str) -> Canned {
        if self.state.attempts.denials > 0 {
            self.state.attempts.denials -= 1;
            return self.refused(attempt);
        }
        let provider = attempt.provider.clone();
        let (project_id, now) = (&self.settings.project_id, self.settings.now());
        let attempts = &mut self.state.attempts;
        let code = attempts.issue(project_id, provider, user_id, now);
        self.back(attempt, "code", &code)
    }

    fn refused(&self, attempt: &Attempt) -> Canned {
        self.back(attempt, "err", "access_denied")
    }

    /// Back to the service, with this added to the query.
    fn back(&self, attempt: &Attempt, name: &str, value: &str) -> Canned {
        let mut url = attempt.redirect_url.clone();
        if self.settings.drops_redirect_query {
            url.set_query(None);
        }
        let mut query = url.query_pairs_mut();
        if let Some((name, value)) = &attempt.flow {
            query.append_pair(name, value);
        }
        query.append_pair(name, value);
        drop(query);
        Canned::new(302)
            .header("location", url.as_str())
            .header("cache-control", "no-store")
    }

    fn choice(&self, attempt: &str, provider: &Provider, people: &[FakeUser]) -> Canned {
        let place = match provider {
            Provider::OAuth(name) => name.clone(),
            Provider::Sso(tenant) => self.state.directory.tenant_name(tenant),
        };
        let mut body = String::new();
        if people.is_empty() {
            body.push_str("<p>Nobody whom FakeDescope knows can sign in here.</p>");
        }
        body.push_str("<ul>");
        for person in people {
            let link = format!("?attempt={attempt}&user={}", query_value(&person.id));
            // Writing to a text cannot fail.
            let _ = write!(
                body,
                r#"<li><a href="{}">{} <small>{}</small></a></li>"#,
                Escaped(&link),
                Escaped(&person.name),
                Escaped(&person.login_id),
            );
        }
        let cancel = format!("?attempt={attempt}&cancel=1");
        let _ = write!(
            body,
            r#"</ul><p><a href="{}">Do not sign in</a></p>"#,
            Escaped(&cancel)
        );
        page(&format!("Sign in with {place}"), &body)
    }
}
