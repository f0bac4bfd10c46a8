// What Descope's sign-in component talks to, for its one flow: an address is asked for, then a code.
// The tokens of the end are those of the fake. A stub: it knows no more than this flow needs.

import { createReadStream } from "node:fs";
import http from "node:http";
import path from "node:path";

import { work } from "./lib.mjs";

const FLOW = "sign-up-or-in";
const COMPONENTS = "3.14.1";
const field = (tag, name, label) => `<${tag} name="${name}" label="${label}" placeholder="${label}" size="md" full-width="true" required="true"></${tag}>`;
const screen = (input, id) =>
  `<div>${input}<descope-button id="${id}" variant="contained" size="md" mode="primary" data-type="button">Continue</descope-button></div>`;
const SCREENS = {
  "address.html": screen(field("descope-email-field", "email", "Address"), "toCode"),
  "code.html": screen(field("descope-text-field", "code", "Code"), "toEnd"),
};
const CONFIG = {
  componentsVersion: COMPONENTS,
  flows: { [FLOW]: { version: 1, startScreenId: undefined } },
  cssTemplate: { light: { path: "style.css" } },
};

export async function component(fake, project) {
  const seen = [];
  const logins = new Map();
  // What the script has been given at the end of flows.
  const given = [];
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://stub");
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push(`${request.method} ${url.pathname}`);
    // It is another origin, as Descope is.
    response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
    response.setHeader("access-control-allow-credentials", "true");
    response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "*");
    response.setHeader("access-control-expose-headers", "x-descope-flow-nonce, x-geo");
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    const json = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const page = new RegExp(`^/pages/${project}/v2-beta/(.+)$`).exec(url.pathname)?.[1];
    if (page === "config.json") return json(200, CONFIG);
    if (page === "theme.json") return json(200, { light: { globals: {}, components: {} }, dark: { globals: {}, components: {} } });
    if (SCREENS[page]) return response.writeHead(200, { "content-type": "text/html" }).end(SCREENS[page]);
    const file = /^\/npm\/((?:@[\w-]+\/)?[\w-]+)@[\d.]+\/([\w./-]+)$/.exec(url.pathname);
    if (file && !file[2].includes("..")) {
      response.setHeader("content-type", "text/javascript; charset=utf-8");
      const stream = createReadStream(path.join(work, "node_modules", file[1], file[2]));
      return stream.on("error", () => response.writeHead(404).end()).pipe(response);
    }
    const step = { "/v1/flow/start": start, "/v1/flow/next": next }[url.pathname];
    if (!step) return json(404, { errorCode: "E000404", errorDescription: "not here" });
    const [status, body] = await step(JSON.parse(Buffer.concat(chunks) || "{}"));
    response.setHeader("x-descope-flow-nonce", `${seen.length}.nonce`);
    return json(status, body);
  });
  const step = (executionId, stepId, id, state = {}) => [200, { executionId, stepId, stepName: id, status: "waiting", action: "screen", screen: { id, state } }];

  async function start({ flowId }) {
    return step(`${flowId}|#|${crypto.randomUUID()}`, "1", "address");
  }

  async function next({ executionId, input }) {
    if (input.email) {
      logins.set(executionId, input.email);
      await call("/v1/auth/otp/signin/email", { loginId: input.email });
      return step(executionId, "2", "code");
    }
    const { status, body } = await call("/v1/auth/otp/verify/email", { loginId: logins.get(executionId), code: input.code });
    if (status !== 200) return step(executionId, String(seen.length), "code", { errorText: "That is not the code." });
    given.push({ session: body.sessionJwt, refresh: body.refreshJwt });
    return [200, { executionId, stepId: "3", stepName: "end", status: "completed", action: "", authInfo: body, screen: { id: "", state: {} } }];
  }

  async function call(to, body) {
    const headers = { authorization: `Bearer ${project}`, "content-type": "application/json" };
    const answer = await fetch(`${fake}${to}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    script: `${url}/npm/@descope/web-component@4.3.2/dist/index.js`,
    seen,
    given,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
