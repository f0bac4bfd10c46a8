// Other sites around an app on 127.0.0.1, for browsers that reach all of them by a proxy: the identity
// provider at http://idp.localhost, and pages of attackers at http://evil.localhost. To a browser
// these are other sites than the app. It records what passes, loses answers on request, and lets
// nothing else through.

import http from "node:http";

export const ELSEWHERE = "http://evil.localhost";

// What Chromium asks by itself, about forms, accounts and new versions. It does not get there.
const ITS_OWN = /^(http:\/\/)?((content-autofill|update|optimizationguide-pa|clients\d*)\.googleapis|accounts\.google|www\.google|clients\d\.google)\.com[:/]/;

// `app` and `fake` are origins on 127.0.0.1.
export async function sites(app, fake) {
  const idp = fake.replace("127.0.0.1", "idp.localhost");
  const requests = [];
  const strangers = [];
  // What stands at a URL in place of an app's page, as HTML, text of a script, or by a function.
  const pages = new Map();
  const ask = (url) => ITS_OWN.test(url) || strangers.push(url);
  let losing;
  const server = http.createServer((request, response) => {
    const url = new URL(request.url);
    const made = pages.get(url.origin + url.pathname);
    if (made || url.origin === ELSEWHERE) return serve(request, response, made ?? "");
    const target = { [app]: app, [idp]: fake, [fake]: fake }[url.origin];
    if (!target) {
      ask(request.url);
      response.writeHead(403).end();
      return;
    }
    const seen = { method: request.method, url: request.url, path: url.pathname, headers: request.headers };
    requests.push(seen);
    const headers = { ...request.headers, host: new URL(target).host };
    delete headers["proxy-connection"];
    const options = { method: request.method, path: url.pathname + url.search, headers, agent: false };
    const up = http.request(target, options, (answer) => {
      Object.assign(seen, { status: answer.statusCode, answer: answer.headers });
      if (losing === url.pathname) return request.socket.destroy();
      const raw = [...answer.rawHeaders];
      for (let at = 0; at < raw.length; at += 2) {
        if (raw[at].toLowerCase() === "location") raw[at + 1] = raw[at + 1].replace(`${fake}/idp/`, `${idp}/idp/`);
      }
      response.writeHead(answer.statusCode, raw);
      answer.pipe(response);
    });
    up.on("error", () => response.destroy());
    request.pipe(up);
  });
  server.on("connect", (request, socket) => {
    ask(request.url);
    socket.destroy();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    app,
    idp,
    requests,
    strangers,
    pages,
    // For contexts of Playwright.
    proxy: { server: `http://127.0.0.1:${server.address().port}` },
    // Answers to this path do not arrive; to none without it.
    lose: (path) => (losing = path),
    // What reached a path of the app from `first` on.
    at: (path, first = 0) => requests.slice(first).filter((request) => request.path === path && request.url.startsWith(app)),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function serve(request, response, made) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (typeof made === "function") return made(request, response, Buffer.concat(chunks));
  const type = new URL(request.url).pathname.endsWith(".js") ? "text/javascript" : "text/html";
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" });
  response.end(type === "text/html" ? `<!doctype html><title>A page</title><body>${made}` : made);
}
