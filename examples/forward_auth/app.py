#!/usr/bin/env python3
"""A small application behind a proxy that asks examples/forward_auth.rs: it knows who somebody is from three
fields of the request, and from nothing else. Python's standard library is all that it needs.

    PORT=3000 DESCOPE_PROJECT_ID=P2… python3 examples/forward_auth/app.py

It must be reachable by the proxy alone: to anybody else it would believe whatever they say. `/sign-in` is its
one public page, with Descope's own component; everything else is behind the proxy's question. The program
needs PAGE_SIGN_IN=true, FORMS_PAGE=/ and SIGN_IN_URL=/sign-in.

    PORT                 where it listens on 127.0.0.1, 3000 by default; 0 takes a free port
    DESCOPE_PROJECT_ID   the project of the sign-in page
    COMPONENT            the URL of the component's script, in place of Descope's CDN
    COMPONENT_SETTINGS   further attributes of the component as JSON, {"base-url": "…"} for example
"""

import html
import http.server
import json
import os
import sys
import urllib.parse

# The tenants that this application knows, as rows of a database would have them.
COMPANIES = {"T2acme": "Acme", "T2beta": "Beta"}

COMPONENT = "https://descopecdn.com/npm/@descope/web-component@4.3.2/dist/index.js"


class Nobody(Exception):
    """The request does not say who asks, so that nobody may be served."""


def identity(headers):
    """Who asks, as the service behind the proxy has found out.

    A field that is missing, empty or there twice means no: the proxy may not guard this path, or may be set
    up wrongly, and neither is a reason to serve somebody. `-` means that there is none: no tenant was
    chosen, nobody is signed in.
    """

    def values(name):
        fields = headers.get_all(name, [])
        if len(fields) != 1 or not fields[0]:
            raise Nobody
        if fields[0] == "-":
            return []
        # Commas within a value, and whatever is not plain ASCII, are percent-encoded.
        return [urllib.parse.unquote(value) for value in fields[0].split(",")]

    user, tenant = values("X-User-Id"), values("X-Tenant-Id")
    if not user:
        raise Nobody
    return {"user": user[0], "tenant": tenant[0] if tenant else None, "roles": values("X-Tenant-Roles")}


class Handler(http.server.BaseHTTPRequestHandler):
    """One page for whoever is signed in, and one to sign in at."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/sign-in":
            return self.answer(200, sign_in_page())
        try:
            who = identity(self.headers)
        except Nobody:
            return self.answer(403, page("No", "<p>This request does not say who you are.</p>"))
        return self.answer(200, home_page(who))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Nothing: the proxy has a log."""


def home_page(who):
    user, tenant = html.escape(who["user"]), who["tenant"]
    if tenant is None:
        text = f'<p>You are <b id="user">{user}</b>, and have not chosen a company.</p>'
    else:
        roles = html.escape(", ".join(who["roles"]) or "nobody in particular")
        text = f"""<p>You are <b id="user">{user}</b>, in <b id="tenant">{html.escape(tenant)}</b>
as <b id="roles">{roles}</b>.</p>"""
    # Both forms are answered by the program, which leads back to a page of this site.
    buttons = " ".join(
        f'<button name="tenant" value="{html.escape(id)}">{html.escape(name)}</button>'
        for id, name in COMPANIES.items()
        if id != tenant
    )
    return page(
        COMPANIES.get(tenant, tenant or "Choose a company"),
        f"""{text}<form method="post" action="/auth/tenant/select"><p>Go to {buttons}</p>
<input type="hidden" name="return_to" value="/"></form>
<form method="post" action="/auth/logout"><button>Sign out</button></form>""",
    )


def sign_in_page():
    settings = {
        "project-id": os.environ.get("DESCOPE_PROJECT_ID", ""),
        "flow-id": "sign-up-or-in",
        "store-last-authenticated-user": "false",
        **json.loads(os.environ.get("COMPONENT_SETTINGS", "{}")),
    }
    script = html.escape(os.environ.get("COMPONENT", COMPONENT))
    return page(
        "Sign in",
        f"""<div id="component" data-settings="{html.escape(json.dumps(settings))}"></div>
<p id="problem" role="alert"></p>
<script src="{script}"></script><script>{SCRIPT}</script>""",
    )


SCRIPT = """
const problem = document.querySelector("#problem");
const place = document.querySelector("#component");
const Component = customElements.get("descope-wc");
// Before it is created: else it keeps both tokens where every script reads them.
Component.sdkConfigOverrides = { ...Component.sdkConfigOverrides, persistTokens: false };
const component = document.createElement("descope-wc");
for (const [name, value] of Object.entries(JSON.parse(place.dataset.settings))) {
  component.setAttribute(name, value);
}
component.addEventListener("success", ({ detail }) => handOver(detail));
place.append(component);

// From here on the session is two cookies that no script reads.
async function handOver({ sessionJwt, refreshJwt }) {
  const answer = await fetch("/auth/sign-in", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sessionJwt, refreshJwt }),
  });
  if (!answer.ok) return (problem.textContent = `You are not signed in (${answer.status}).`);
  // Back to the page that led here, if it is one of this site.
  const wanted = new URL(new URLSearchParams(location.search).get("return_to") ?? "/", location.origin);
  location.assign(wanted.origin === location.origin ? wanted : "/");
}
"""


def page(title, body):
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title></head><body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )


def main():
    port = int(os.environ.get("PORT", "3000"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"the application listens at http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
