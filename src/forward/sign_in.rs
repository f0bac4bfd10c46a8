//! The page that whoever has no session is sent to, and the way back from it.

use http::{HeaderValue, Method, header, request::Parts};
use url::Url;

use super::effective::Scheme;
use crate::{error::Error, origin, return_paths::ReturnPaths};

/// The longest return URL, in bytes; a longer one is left out.
const MAX_RETURN: usize = 2048;

/// The settings of the sign-in page, as they were made.
#[derive(Clone, Debug)]
pub(super) struct SignInSettings {
    pub(super) url: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) parameter: String,
}

/// The sign-in page, and to which hosts a browser may be sent back from it.
#[derive(Clone, Debug)]
pub(super) struct SignInPage {
    place: Place,
    hosts: Vec<String>,
    parameter: String,
}

#[derive(Clone, Debug)]
enum Place {
    /// A page of whichever host the browser is at, and the paths of that host.
    Path(ReturnPaths),
    /// A page of its own host.
    Url(Url),
}

impl SignInSettings {
    /// The settings, checked.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub(super) fn checked(&self) -> Result<Option<SignInPage>, Error> {
        for host in &self.hosts {
            if !origin::is_host(host) {
                return Err(Error::config(format!(
                    "return_hosts([..]): {host:?} is no host: write `name` or `name:port`, without scheme, \
                     path and wildcard"
                )));
            }
        }
        let Some(url) = &self.url else {
            if self.hosts.is_empty() {
                return Ok(None);
            }
            return Err(Error::config(
                "return_hosts([..]) says where a browser may go on after sign_in(url), which is missing",
            ));
        };
        if self.parameter.is_empty() {
            return Err(Error::config(
                "return_parameter(..) is empty: give the name under which the sign-in page reads where to \
                 go on, for example \"return_to\"",
            ));
        }
        let place = if url.starts_with('/') {
            Place::Path(ReturnPaths::new(url)?.below("/")?)
        } else {
            Place::Url(checked_url(url)?)
        };
        let mut hosts = self.hosts.clone();
        if let Place::Url(url) = &place
            && hosts.is_empty()
        {
            hosts.push(authority(url));
        }
        Ok(Some(SignInPage {
            place,
            hosts,
            parameter: self.parameter.clone(),
        }))
    }
}

impl SignInPage {
    /// The URL to sign in at for whoever sent this effective request; `None` if its host is none to come
    /// back to.
    pub(super) fn location(&self, request: &Parts) -> Option<HeaderValue> {
        let host = request.headers.get(header::HOST)?.to_str().ok()?;
        let scheme = request.extensions.get::<Scheme>()?.as_str();
        let is_allowed = |allowed: &String| origin::is_same_host(allowed, host, scheme);
        // A path stays at the host at which the browser is.
        let anywhere = matches!(self.place, Place::Path(_)) && self.hosts.is_empty();
        if !anywhere && !self.hosts.iter().any(is_allowed) {
            return None;
        }
        // Nobody can be sent back to what was not a page.
        let is_page = [Method::GET, Method::HEAD].contains(&request.method);
        let target = request.uri.path_and_query().filter(|_| is_page);
        let target = target.map(http::uri::PathAndQuery::as_str);
        let location = match &self.place {
            Place::Path(paths) => {
                let back = target.map(|target| paths.resolve(Some(target)));
                // The page itself stands for every path that is none of this site.
                let back = back.filter(|back| back.len() <= MAX_RETURN && back != paths.page());
                let page = paths.page();
                match back {
                    None => page.to_owned(),
                    Some(back) => {
                        let separator = if page.contains('?') { '&' } else { '?' };
                        let mut query = form_urlencoded::Serializer::new(String::new());
                        query.append_pair(&self.parameter, &back);
                        format!("{page}{separator}{}", query.finish())
                    }
                }
            }
            Place::Url(url) => {
                let back = target.map(|target| format!("{scheme}://{host}{target}"));
                let back = back.and_then(|back| Url::parse(&back).ok());
                let mut url = url.clone();
                if let Some(back) = back.filter(|back| back.as_str().len() <= MAX_RETURN) {
                    let mut query = url.query_pairs_mut();
                    query.append_pair(&self.parameter, back.as_str());
                }
                url.into()
            }
        };
        HeaderValue::try_from(location).ok()
    }
}

fn checked_url(text: &str) -> Result<Url, Error> {
    let refuse = |remedy: &str| Error::config(format!("sign_in({text:?}) is malformed: {remedy}"));
    let url = Url::parse(text).map_err(|_| {
        refuse("give a path of the same host, or a URL such as \"https://app.example.com/sign-in\"")
    })?;
    if !origin::is_secure(&url) {
        return Err(refuse("it has to be https, or http on loopback"));
    }
    if url.fragment().is_some() {
        return Err(refuse("leave out the fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("leave out user and password"));
    }
    Ok(url)
}

/// The host of a URL with its port, if that is not the scheme's own.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn page(url: &str, hosts: &[&str]) -> Result<Option<SignInPage>, Error> {
        SignInSettings {
            url: Some(url.to_owned()),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            parameter: "return_to".to_owned(),
        }
        .checked()
    }

    fn location(page: &SignInPage, method: &str, host: &str, target: &str) -> Option<String> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", host)
            .body(())
            .unwrap();
        request.extensions_mut().insert(Scheme::Https);
        let location = page.location(&request.into_parts().0)?;
        Some(location.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_page_of_another_host_is_told_the_whole_url_of_an_allowed_one() {
        let page = page(
            "https://id.example.test/in?app=a",
            &["app.example.test", "127.0.0.1:8443"],
        );
        let page = page.unwrap().unwrap();
        let at = |host: &str, target: &str| location(&page, "GET", host, target);
        assert_eq!(
            at("app.example.test", "/a%20b?c=d&e=%2F").unwrap(),
            "https://id.example.test/in?app=a&return_to=\
             https%3A%2F%2Fapp.example.test%2Fa%2520b%3Fc%3Dd%26e%3D%252F"
        );
        for host in ["APP.example.test", "app.example.test:443", "127.0.0.1:8443"] {
            assert!(at(host, "/").is_some(), "{host}");
        }
        for host in [
            "evil.test",
            "app.example.test:8443",
            "127.0.0.1",
            "app.example.test.evil.test",
            "x.app.example.test",
            "id.example.test",
        ] {
            assert_eq!(at(host, "/"), None, "{host}");
        }
        // What looks like another host stays below this one.
        for (target, back) in [
            (
                "//evil.test/",
                "https%3A%2F%2Fapp.example.test%2F%2Fevil.test%2F",
            ),
            (
                "/@evil.test",
                "https%3A%2F%2Fapp.example.test%2F%40evil.test",
            ),
            (
                "/%5Cevil.test",
                "https%3A%2F%2Fapp.example.test%2F%255Cevil.test",
            ),
            ("/../..//x", "https%3A%2F%2Fapp.example.test%2F%2Fx"),
        ] {
            let location = at("app.example.test", target).unwrap();
            assert!(
                location.ends_with(&format!("return_to={back}")),
                "{location}"
            );
        }
    }

    #[test]
    fn without_hosts_the_page_serves_its_own_host() {
        let page = page("https://app.example.test:8443/in", &[])
            .unwrap()
            .unwrap();
        let at = |host: &str| location(&page, "GET", host, "/");
        assert!(at("app.example.test:8443").is_some());
        assert_eq!(at("app.example.test"), None);
    }

    /// The page `/in` of these hosts.
    fn of_hosts(hosts: &[&str]) -> SignInPage {
        page("/in", hosts).unwrap().unwrap()
    }

    #[test]
    fn a_path_is_a_page_of_the_host_at_hand_and_leads_back_to_a_path() {
        let page = page("/auth/sso?tenant=T1", &[]).unwrap().unwrap();
        let at = |target: &str| location(&page, "GET", "any.example.test", target).unwrap();
        assert_eq!(at("/a?b=c"), "/auth/sso?tenant=T1&return_to=%2Fa%3Fb%3Dc");
        for odd in [
            "//evil.test/",
            "/%2e%2e/x",
            "/x/../y",
            "/auth/sso?tenant=T1",
        ] {
            assert_eq!(at(odd), "/auth/sso?tenant=T1", "{odd}");
        }
        let page = of_hosts(&["a.test"]);
        assert_eq!(location(&page, "GET", "b.test", "/"), None);
        assert_eq!(
            location(&page, "HEAD", "a.test", "/").unwrap(),
            "/in?return_to=%2F"
        );
    }

    #[test]
    fn nobody_is_sent_back_to_what_was_no_page_or_is_too_long() {
        for url in ["/in", "https://a.test/in"] {
            let page = page(url, &["a.test"]).unwrap().unwrap();
            let long = format!("/{}", "x".repeat(MAX_RETURN));
            for (method, target) in [("POST", "/"), ("DELETE", "/x"), ("GET", &*long)] {
                assert_eq!(location(&page, method, "a.test", target).unwrap(), url);
            }
        }
    }

    #[test]
    fn settings_that_lead_astray_are_errors() {
        for url in [
            "",
            "sign-in",
            "//evil.test/in",
            "/\\evil.test",
            "http://app.example.test/in",
            "javascript:alert(1)",
            "https://ann@app.example.test/",
            "https://app.example.test/#in",
        ] {
            assert!(page(url, &[]).is_err(), "{url:?}");
        }
        for host in ["", "*.test", "https://a.test", "a.test/", "a.test:x"] {
            let error = page("/in", &[host]).unwrap_err().to_string();
            assert!(error.contains("return_hosts"), "{error}");
        }
        let mut settings = SignInSettings {
            url: None,
            hosts: Vec::new(),
            parameter: "return_to".to_owned(),
        };
        assert!(settings.checked().unwrap().is_none());
        settings.hosts.push("a.test".to_owned());
        assert!(settings.checked().is_err());
        settings.url = Some("/in".to_owned());
        settings.parameter.clear();
        assert!(settings.checked().is_err());
    }
}
