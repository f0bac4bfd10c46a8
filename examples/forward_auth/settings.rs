//! The settings, as the environment has them.

use std::{env::VarError, net::SocketAddr};

use tower_descope::{
    AccessKeys, Descope, DescopeBuilder, ForwardAuth, Renewal, ReturnPaths, SelectTenant,
    SessionRoutes,
    cookie::{SameSite, SessionCookies},
    forward::NumberedCookies,
    routes::SignIn,
};

const LISTEN: &str = "127.0.0.1:4180";

/// The variables that setters of the library are called with: its messages name the setter.
const SETTERS: [(&str, &str); 10] = [
    ("without_proxy_secret", "PROXY_SECRET"),
    ("proxy_secret", "PROXY_SECRET"),
    ("return_hosts", "RETURN_HOSTS"),
    ("return_parameter", "RETURN_PARAMETER"),
    ("redirects", "REDIRECTS"),
    ("sign_in", "SIGN_IN_URL"),
    ("return path", "SIGN_IN_URL"),
    ("session_header", "SESSION_HEADER"),
    ("domain", "COOKIE_DOMAIN"),
    ("numbered_cookies", "NUMBERED_COOKIES"),
];

#[expect(
    clippy::struct_excessive_bools,
    reason = "a variable each, and all are independent"
)]
pub(crate) struct Settings {
    listen: SocketAddr,
    secrets: Vec<String>,
    without_secret: bool,
    renew: bool,
    require_tenant: bool,
    optional: bool,
    pass_preflight: bool,
    permissions: bool,
    session_header: Option<String>,
    numbered_cookies: NumberedCookies,
    sign_in_url: Option<String>,
    return_hosts: Vec<String>,
    return_parameter: Option<String>,
    redirects: bool,
    cookies: SessionCookies,
    origins: Vec<String>,
    access_keys: Option<AccessKeys>,
    page_sign_in: bool,
    forms_page: Option<ReturnPaths>,
    #[cfg(feature = "redis")]
    redis: Option<(String, String)>,
}

impl Settings {
    /// Reads the variables by `lookup`. What is wrong with one of them is said with its name.
    pub(crate) fn new(lookup: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, String> {
        let text = |name: &str| match lookup(name) {
            Ok(value) if value.trim().is_empty() => Ok(None),
            Ok(value) => Ok(Some(value.trim().to_owned())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(format!("{name}: it is not Unicode")),
        };
        let list = |name: &str| {
            let text = text(name)?.unwrap_or_default();
            let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Ok::<_, String>(items.map(str::to_owned).collect::<Vec<_>>())
        };
        let switch = |name: &str, default: bool| {
            let choices = [("true", true), ("false", false)];
            Ok::<_, String>(choice(name, text(name)?, &choices)?.unwrap_or(default))
        };
        let listen = text("LISTEN")?.unwrap_or_else(|| LISTEN.to_owned());
        let listen = listen
            .parse()
            .map_err(|error| format!("LISTEN: {error}: give address and port, as in {LISTEN}"))?;
        let numbered = [
            ("both", NumberedCookies::Both),
            ("only", NumberedCookies::Only),
            ("off", NumberedCookies::Off),
        ];
        let numbered_cookies =
            choice("NUMBERED_COOKIES", text("NUMBERED_COOKIES")?, &numbered)?.unwrap_or_default();
        let forms_page = text("FORMS_PAGE")?
            .map(|page| ReturnPaths::new(page)?.below("/"))
            .transpose()
            .map_err(|error| format!("FORMS_PAGE: {error}"))?;
        let redis = match (text("REDIS_URL")?, text("SHARED_SECRET")?) {
            (None, None) => None,
            (Some(url), Some(secret)) => Some((url, secret)),
            (Some(_), None) => {
                return Err(
                    "SHARED_SECRET: it is not set, and REDIS_URL is: set what all replicas \
                            have in common, 32 bytes or more"
                        .to_owned(),
                );
            }
            (None, Some(_)) => {
                return Err("REDIS_URL: it is not set, and SHARED_SECRET is".to_owned());
            }
        };
        if redis.is_some() && !cfg!(feature = "redis") {
            return Err(
                "REDIS_URL: this program was built without Redis, build it with \
                        `--features redis`"
                    .to_owned(),
            );
        }
        Ok(Self {
            listen,
            secrets: [text("PROXY_SECRET")?, text("FORMER_PROXY_SECRET")?]
                .into_iter()
                .flatten()
                .collect(),
            without_secret: switch("WITHOUT_PROXY_SECRET", false)?,
            renew: switch("RENEW", true)?,
            require_tenant: switch("REQUIRE_TENANT", false)?,
            optional: switch("OPTIONAL", false)?,
            pass_preflight: switch("PASS_CORS_PREFLIGHT", false)?,
            permissions: switch("PERMISSIONS", false)?,
            session_header: text("SESSION_HEADER")?,
            numbered_cookies,
            sign_in_url: text("SIGN_IN_URL")?,
            return_hosts: list("RETURN_HOSTS")?,
            return_parameter: text("RETURN_PARAMETER")?,
            redirects: switch("REDIRECTS", false)?,
            cookies: cookies(&text)?,
            origins: list("ORIGINS")?,
            access_keys: text("ACCESS_KEY_PREFIX")?.map(|it| AccessKeys::new().key_prefix(it)),
            page_sign_in: switch("PAGE_SIGN_IN", false)?,
            forms_page,
            #[cfg(feature = "redis")]
            redis,
        })
    }

    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn descope(&self, builder: DescopeBuilder) -> Result<Descope, String> {
        let mut builder = builder.cookies(self.cookies.clone());
        if !self.origins.is_empty() {
            builder = builder.origins(&self.origins);
        }
        if let Some(keys) = &self.access_keys {
            builder = builder.access_keys(keys.clone());
        }
        #[cfg(feature = "redis")]
        {
            use tower_descope::{RedisSettings, SharedState};

            if let Some((url, secret)) = &self.redis {
                let redis = RedisSettings::new(url.as_str(), secret.as_str());
                builder = builder.shared_state(SharedState::redis(redis));
            }
        }
        builder.build().map_err(named)
    }

    pub(crate) fn forward_auth(&self, descope: Descope) -> Result<ForwardAuth, String> {
        let mut builder = ForwardAuth::builder(descope)
            .permissions(self.permissions)
            .redirects(self.redirects)
            .return_hosts(&self.return_hosts)
            .numbered_cookies(self.numbered_cookies);
        for secret in &self.secrets {
            builder = builder.proxy_secret(secret);
        }
        if self.without_secret {
            builder = builder.without_proxy_secret();
        }
        if self.renew {
            builder = builder.renew(Renewal::new());
        }
        if self.require_tenant {
            builder = builder.require_tenant();
        }
        if self.optional {
            builder = builder.optional();
        }
        if self.pass_preflight {
            builder = builder.pass_cors_preflight();
        }
        if let Some(name) = &self.session_header {
            builder = builder.session_header(name);
        }
        if let Some(url) = &self.sign_in_url {
            builder = builder.sign_in(url);
        }
        if let Some(name) = &self.return_parameter {
            builder = builder.return_parameter(name);
        }
        builder.build().map_err(named)
    }

    pub(crate) fn routes(&self, descope: Descope) -> SessionRoutes {
        let mut routes = SessionRoutes::new(descope.clone());
        if let Some(paths) = &self.forms_page {
            let select = SelectTenant::new(descope).html_forms(paths.clone());
            routes = routes.html_forms(paths.clone()).select_tenant(select);
        }
        if self.page_sign_in {
            routes = routes.sign_in(SignIn::new());
        }
        routes
    }
}

fn cookies(
    text: &impl Fn(&str) -> Result<Option<String>, String>,
) -> Result<SessionCookies, String> {
    let names = [("host", true), ("plain", false)];
    let is_host = choice("COOKIE_NAMES", text("COOKIE_NAMES")?, &names)?.unwrap_or(true);
    let same_site = [
        ("strict", SameSite::Strict),
        ("lax", SameSite::Lax),
        ("none", SameSite::None),
    ];
    let same_site = choice("COOKIE_SAME_SITE", text("COOKIE_SAME_SITE")?, &same_site)?;
    let cookies = if is_host {
        SessionCookies::host_prefixed()
    } else {
        SessionCookies::new()
    };
    let mut cookies = cookies.same_site(same_site.unwrap_or_default());
    if let Some(domain) = text("FORMER_COOKIE_DOMAIN")? {
        cookies = cookies.former_cookie_scope(Some(&domain), "/");
    }
    Ok(match text("COOKIE_DOMAIN")? {
        Some(domain) => cookies.domain(domain),
        None => cookies,
    })
}

/// One of a few words.
fn choice<T: Copy>(
    name: &str,
    value: Option<String>,
    choices: &[(&str, T)],
) -> Result<Option<T>, String> {
    let Some(value) = value else {
        return Ok(None);
    };
    let found = choices.iter().find(|(word, _)| *word == value);
    let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    match found {
        Some((_, choice)) => Ok(Some(*choice)),
        None => Err(format!("{name}: it is one of {}", words().join(", "))),
    }
}

/// The library's message, with the variable that is behind it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are mapped by its name"
)]
fn named(error: tower_descope::Error) -> String {
    let message = error.to_string();
    let variable = SETTERS.iter().find(|(setter, _)| message.contains(setter));
    match variable {
        Some((_, variable)) => format!("{variable}: {message}"),
        None => message,
    }
}
