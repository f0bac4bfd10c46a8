// A small application in Python behind nginx and the program forward_auth, with the files of
// examples/forward_auth as they are: signing in, switching the tenant, being renewed, signing out.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { component } from "./component.mjs";
import { listen, stop } from "./foreign.mjs";
import { check, children, cookies, equal, follow, heading, main, readable, root, screenshot, startChromium, startExample, visit, work } from "./lib.mjs";

const PROJECT = "P2fakeFakeFakeFakeFakeFak000";
const SECRET = "of-one-run-of-one-browser";
const FILES = path.join(root, "examples/forward_auth");

main(240, async () => {
  // Sessions of a few seconds, so that one is renewed while somebody looks.
  const fake = await startExample("fake_descope", ["--listen", "127.0.0.1:0", "--session-seconds", "6"], /FakeDescope listens at (\S+)/);
  const descope = await component(fake, PROJECT);
  const service = await startExample("forward_auth", [], /the proxy asks http:\/\/127\.0\.0\.1:(\d+)\//, {
    DESCOPE_PROJECT_ID: PROJECT,
    DESCOPE_BASE_URI: fake,
    LISTEN: "127.0.0.1:0",
    PROXY_SECRET: SECRET,
    NUMBERED_COOKIES: "only",
    PAGE_SIGN_IN: "true",
    FORMS_PAGE: "/",
    SIGN_IN_URL: "/sign-in",
  });
  const app = await application(descope);
  const origin = await nginx({ service, app });
  const browser = await startChromium();
  await journey(browser, { origin, app, descope });
  await browser.close();
  descope.stop();
});

async function journey(browser, { origin, app, descope }) {
  const { context, page, complaints, strangers } = await visit(browser, origin);
  const answer = await page.goto(`${origin}/orders?of=may`);
  equal("whoever is not signed in is led to the sign-in", [new URL(page.url()).pathname, answer.status()], ["/sign-in", 200]);
  equal("a script is told so", await page.evaluate(() => fetch("/orders").then(({ status, headers }) => [status, headers.get("x-descope-rejection")])), [401, "missing_token"]);

  await page.locator("descope-email-field input").fill("ann@acme.test");
  await page.locator("descope-button").click();
  await page.locator("descope-text-field input").fill("123456");
  await page.locator("descope-button").click();
  await page.waitForURL(`${origin}/orders?of=may`);
  equal("signed in, the page that was asked for is there", await heading(page), "Choose a company");
  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });
  equal("there are the two cookies", Object.keys(await cookies(context)).sort(), ["__Host-DS", "__Host-DSR"]);

  await follow(page.getByRole("button", { name: "Acme" }));
  equal("a choice of tenant is the application's next page", await seen(page), ["Acme", "U2ann", "T2acme", "owner"]);
  await page.screenshot({ path: screenshot("forward") });
  await follow(page.getByRole("button", { name: "Beta" }));
  equal("so is a switch", await seen(page), ["Beta", "U2ann", "T2beta", "nobody in particular"]);

  const before = await cookies(context);
  let renewed;
  await until("the session is renewed", async () => {
    await page.reload();
    renewed = await cookies(context);
    return renewed["__Host-DSR"].value !== before["__Host-DSR"].value;
  });
  check("with a new session beside it", renewed["__Host-DS"].value !== before["__Host-DS"].value);
  equal("and the page is as it was", await seen(page), ["Beta", "U2ann", "T2beta", "nobody in particular"]);

  const spoofed = await context.newPage();
  await spoofed.setExtraHTTPHeaders({ "X-Tenant-Id": "T2acme", X_Tenant_Id: "T2acme", "X-User-Id": "U2bob" });
  await spoofed.goto(`${origin}/`);
  equal("what the browser claims is not believed", await seen(spoofed), ["Beta", "U2ann", "T2beta", "nobody in particular"]);
  await spoofed.close();
  equal("whoever asks the application past the proxy is served nothing", (await fetch(`http://127.0.0.1:${app}/`)).status, 403);

  await follow(page.getByRole("button", { name: "Sign out" }));
  equal("signed out, the sign-in is there", [new URL(page.url()).pathname, await heading(page)], ["/sign-in", "Sign in"]);
  equal("and no cookie", Object.keys(await cookies(context)), []);
  await page.goto(`${origin}/orders`);
  equal("nothing else is", new URL(page.url()).pathname, "/sign-in");
  equal("no request left this machine, but to the stub", [...strangers], [descope.url]);
  equal("no page complained", complaints, []);
  await context.close();
}

// Heading, user, tenant and roles of the application's page.
async function seen(page) {
  return [await heading(page), ...(await Promise.all(["user", "tenant", "roles"].map((id) => page.locator(`#${id}`).innerText())))];
}

async function until(what, done) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await done()) return check(what, true);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  check(what, false);
}

// The port of the application.
function application(descope) {
  const settings = { "base-url": descope.url, "base-static-url": `${descope.url}/pages`, "base-cdn-url": descope.url };
  const env = { ...process.env, PORT: "0", DESCOPE_PROJECT_ID: PROJECT, COMPONENT: descope.script, COMPONENT_SETTINGS: JSON.stringify(settings) };
  const child = spawn("python3", [path.join(FILES, "app.py")], { env, stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`app.py ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /listens at http:\/\/127\.0\.0\.1:(\d+)$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
}

// nginx with its configuration as it is, but for ports, the secret, and where it writes.
async function nginx({ service, app }) {
  const probe = http.createServer();
  const port = await listen(probe);
  stop(probe);
  const folder = mkdtempSync(path.join(os.tmpdir(), "tower-descope-nginx-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const filled = { 8080: port, 4180: service, 3000: app };
  for (const name of ["nginx.conf", "proxied.conf", "guarded.conf", "guarded_response.conf"]) {
    const text = readFileSync(path.join(FILES, name), "utf8")
      .replaceAll(/8080|4180|3000/g, (number) => filled[number])
      .replaceAll("change-me", SECRET)
      // One process, which ends with this script.
      .replace("worker_processes auto;", "daemon off; master_process off; pid nginx.pid;")
      .replace("http {", `http { access_log off; ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `${it}_temp_path ${it};`).join(" ")}`);
    writeFileSync(path.join(folder, name), text);
  }
  mkdirSync(path.join(folder, "logs"), { recursive: true });
  const child = spawn("nginx", ["-p", folder, "-c", path.join(folder, "nginx.conf"), "-g", "error_log stderr;"], { stdio: "inherit" });
  children.add(child);
  child.once("exit", (code) => check("nginx runs to the end", code === null, `it ended with ${code}`));
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    if (await fetch(`${origin}/sign-in`).then(({ ok }) => ok, () => false)) return origin;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nginx does not start: Debian's package is nginx-light");
}
