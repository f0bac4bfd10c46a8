// The example `page_sign_in` in Chromium: Descope's own component, plain and of React, signs in against
// a stub of Descope at another origin, and its tokens become the session's cookies.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

import { component } from "./component.mjs";
import { listen, pass, stop } from "./foreign.mjs";
import { check, cookies, equal, main, readable, require, screenshot, startChromium, startExample, visit, work } from "./lib.mjs";

const SDK = path.join(work, "node_modules/@descope/web-js-sdk/dist/index.umd.js");
const PROJECT = "P2fakeFakeFakeFakeFakeFak000";

main(600, async () => {
  const fake = await startExample("fake_descope", ["--listen", "127.0.0.1:0"], /FakeDescope listens at (\S+)/);
  const descope = await component(fake, PROJECT);
  const example = await startExample("page_sign_in", [], /sign in at (http:\/\/\S+)\/sign-in/, {
    DESCOPE_PROJECT_ID: PROJECT,
    DESCOPE_BASE_URI: fake,
    PAGE_COMPONENT_URL: descope.script,
    PAGE_BASE_URL: descope.url,
    PAGE_CDN_URL: descope.url,
    PORT: "0",
  });
  const front = http.createServer((request, response) => {
    if (request.url.startsWith("/-/")) return page(request, response, descope);
    pass(request, response, example);
  });
  const app = `http://127.0.0.1:${await listen(front)}`;
  const browser = await startChromium();
  for (const [name, path] of [["the plain component", "/sign-in"], ["React", "/-/react"]].filter(([name]) => !process.argv[2] || name === process.argv[2])) {
    console.log(`\n# ${name}`);
    await signIn(browser, { app, descope, fake, name, path });
  }
  await otherSites(browser, { app, descope, fake });
  await browser.close();
  stop(front);
  descope.stop();
});

async function signIn(browser, { app, descope, fake, name, path }) {
  const { context, page, complaints, strangers } = await visit(browser, app);
  const [bodies, handed] = [[], []];
  page.on("response", async (response) => {
    if (response.url().startsWith(app)) bodies.push(`${response.url()} ${await response.text().catch(() => "")}`);
  });
  page.on("request", (request) => request.url() === `${app}/v1/auth/sign-in` && handed.push(request.postDataJSON()));
  await page.goto(`${app}${path}`);
  const address = page.locator("descope-email-field input");
  await address.fill("ann@acme.test").catch((error) => {
    throw new Error(`the component shows no screen: ${complaints.join()}`, { cause: error });
  });
  await page.screenshot({ path: screenshot(`page-${name.split(" ").at(-1)}`) });
  await page.locator("descope-button").click();
  const code = page.locator("descope-text-field input");
  await code.fill("000000");
  await page.locator("descope-button").click();
  await page.waitForTimeout(500);
  equal("a wrong code signs nobody in", [handed.length, Object.keys(await cookies(context))], [0, []]);
  await code.fill("123456");
  await page.locator("descope-button").click();
  await page.waitForURL(`${app}/`);
  equal("the second page shows who is signed in", await page.locator("b").innerText(), "U2ann");
  await page.screenshot({ path: screenshot(`page-${name.split(" ").at(-1)}-done`) });
  const given = descope.given.at(-1);
  equal("the tokens were handed over once", handed.map(({ sessionJwt, refreshJwt }) => [sessionJwt, refreshJwt]), [[given.session, given.refresh]]);
  const kept = Object.values(await cookies(context));
  equal("there are the two cookies", kept.map(({ name }) => name).sort(), ["__Host-DS", "__Host-DSR"]);
  check("that no script reads", kept.every(({ httpOnly, secure }) => httpOnly && secure));
  check("and the refresh token in them is another one", !kept.some(({ value }) => value === given.refresh));

  const before = kept.find(({ name }) => name === "__Host-DSR").value;
  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });
  equal("Descope's SDK is in step after one refresh", await inStep(page), { ok: true, authenticated: true, user: "U2ann" });
  equal("still nothing can be read", await readable(page), { cookie: "", tokens: false });
  check("the refresh renewed the cookies", (await cookies(context))["__Host-DSR"].value !== before);
  await page.reload();
  equal("after a reload somebody is signed in", await page.locator("b").innerText(), "U2ann");
  equal("no answer of this site has a token in it", bodies.filter((body) => body.includes("eyJ")), []);

  for (const [where, url, bearer] of [["Descope", `${fake}/v1/auth/refresh`, `${PROJECT}:${given.refresh}`], ["here", `${app}/v1/auth/refresh`, given.refresh]]) {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: "{}" });
    check(`the refresh token that the script has seen is refused (${where})`, [400, 401].includes(answer.status), answer.status);
  }
  await page.reload();
  equal("which signs nobody out", await page.locator("b").innerText(), "U2ann");
  equal("no request left this machine, but to the stub", [...strangers], [descope.url]);
  // The component logs what Descope says of a wrong code.
  equal("no page complained", complaints.filter((text) => !text.includes("That is not the code.")), []);
  await context.close();
}

// Pages at the app's origin that the example does not have: React's, and the browser SDK.
function page(request, response, descope) {
  const scripts = { "/-/react.js": () => bundle(descope), "/-/sdk.js": () => readFileSync(SDK) };
  const script = scripts[request.url];
  response.writeHead(200, { "content-type": script ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8" });
  const react = request.url === "/-/react" ? `<div id="root"></div><script src="/-/react.js"></script>` : "";
  response.end(script?.() ?? `<!doctype html><title>A page</title><link rel="icon" href="data:,"><body>${react}`);
}

// The page of a React app: a provider of its own for Descope, and one for this site.
let built;
function bundle(descope) {
  const source = `
    import { createElement } from "react";
    import { createRoot } from "react-dom/client";
    import { AuthProvider, Descope } from "@descope/react-sdk";
    const handOver = async ({ detail: { sessionJwt, refreshJwt } }) => {
      const answer = await fetch("/v1/auth/sign-in", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ sessionJwt, refreshJwt }),
      });
      if (answer.ok) location.assign("/");
    };
    createRoot(document.querySelector("#root")).render(
      createElement(
        AuthProvider,
        { projectId: "${PROJECT}", baseUrl: "${descope.url}", baseCdnUrl: "${descope.url}", persistTokens: false, storeLastAuthenticatedUser: false },
        createElement(Descope, { flowId: "sign-up-or-in", onSuccess: handOver }),
      ),
    );`;
  if (!built) {
    const folder = path.join(work, "react");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "page.js"), source);
    const { buildSync } = require("esbuild");
    const define = { "process.env.NODE_ENV": '"production"' };
    const { outputFiles } = buildSync({ entryPoints: [path.join(folder, "page.js")], bundle: true, format: "iife", define, write: false, logLevel: "error" });
    built = outputFiles[0].text;
  }
  return built;
}

// What the browser SDK knows after one refresh, at this site's own origin. As the page's own policy has
// no scripts, it is asked from another page.
async function inStep(page) {
  const blank = await page.context().newPage();
  await blank.goto(`${new URL(page.url()).origin}/-/blank`);
  await blank.addScriptTag({ url: "/-/sdk.js" });
  const found = await blank.evaluate(async (projectId) => {
    const sdk = (window.Descope?.default ?? window.Descope ?? window.descope)({ projectId, baseUrl: location.origin, persistTokens: false, autoRefresh: true });
    let authenticated;
    let user;
    sdk.onIsAuthenticatedChange((is) => (authenticated = is));
    sdk.onUserChange((now) => (user = now?.userId));
    const { ok } = await sdk.refresh();
    return { ok, authenticated, user };
  }, PROJECT);
  await blank.close();
  return found;
}

// Pages of another site do not sign anybody in here.
async function otherSites(browser, { app, descope, fake }) {
  console.log("\n# other sites");
  const mine = descope.given.at(-1);
  const post = async (to, body) => {
    const headers = { authorization: `Bearer ${PROJECT}`, "content-type": "application/json" };
    return (await fetch(`${fake}${to}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  };
  await post("/v1/auth/otp/signin/email", { loginId: "bob@beta.test" });
  const tokens = await post("/v1/auth/otp/verify/email", { loginId: "bob@beta.test", code: "123456" });
  check("an attacker has tokens of their own", tokens.refreshJwt?.startsWith("eyJ") && mine.refresh !== tokens.refreshJwt);
  const evil = http.createServer((request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Evil</title>"));
  const port = await listen(evil);
  for (const [who, host] of [["another site", "evil.localhost"], ["another port", "127.0.0.1"]]) {
    const context = await browser.newContext();
    for (const [what, type] of [["a form", undefined], ["fetch with text", "text/plain"], ["fetch with JSON", "application/json"]]) {
      // Each in a page of its own: the form's navigation may still be under way.
      const page = await context.newPage();
      const answers = [];
      page.on("response", (response) => response.url().endsWith("/v1/auth/sign-in") && answers.push(response.status()));
      await page.goto(`http://${host}:${port}/`);
      await page.evaluate(send, { url: `${app}/v1/auth/sign-in`, sessionJwt: tokens.sessionJwt, refreshJwt: tokens.refreshJwt, type });
      await page.waitForTimeout(300);
      check(`${who}: ${what}: not signed in`, !answers.some((status) => status < 400), answers.join());
      equal(`${who}: ${what}: no cookie`, await context.cookies(app), []);
      await page.close();
    }
    await context.close();
  }
  stop(evil);
}

function send({ url, sessionJwt, refreshJwt, type }) {
  const text = JSON.stringify({ sessionJwt, refreshJwt });
  if (type) return fetch(url, { method: "POST", mode: type === "text/plain" ? "no-cors" : "cors", credentials: "include", headers: { "content-type": type }, body: text }).catch(() => {}).then(() => {});
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: url, enctype: "text/plain" });
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: `${text.slice(0, -1)},"x":"`, value: '"}' });
  form.append(input);
  document.body.append(form);
  form.submit();
}
