// What the scripts share: the demo as a child process, Chromium, and lines that say PASS or FAIL.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const work = path.join(root, "target/interop/browser");
// Packages are installed under target/, not beside the scripts.
export const require = createRequire(path.join(work, "package.json"));
const { chromium } = require("playwright-core");

const screens = path.join(work, "screens");
export const children = new Set();
const folders = [];
let failures = 0;
let checks = 0;

export function check(what, holds, detail = "") {
  checks += 1;
  if (!holds) failures += 1;
  console.log(`${holds ? "PASS" : "FAIL"}  ${what}${!holds && detail ? ` (${detail})` : ""}`);
}

export function equal(what, found, wanted) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  check(what, left === right, `found ${left}, wanted ${right}`);
}

// Runs a script to its end or its deadline, and leaves nothing running.
export async function main(seconds, script) {
  const deadline = setTimeout(() => finish(new Error(`not done after ${seconds} s`)), seconds * 1000);
  let problem;
  try {
    await script();
  } catch (error) {
    problem = error;
  }
  clearTimeout(deadline);
  finish(problem);
}

function finish(problem) {
  if (problem) check(`the script ran to its end`, false, problem.stack ?? String(problem));
  for (const child of children) child.kill("SIGKILL");
  // A browser that is still at its end may write into its own; the next run makes new ones.
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  console.log(`${checks - failures} of ${checks} checks passed`);
  process.exit(failures === 0 ? 0 : 1);
}

// The demo on a free port of 127.0.0.1, with its embedded fake.
export async function startDemo(env = {}) {
  const inherited = { ...process.env };
  for (const name of Object.keys(inherited)) {
    if (/^(DESCOPE_|DEMO_)/.test(name)) delete inherited[name];
  }
  const child = spawn("cargo", ["run", "--quiet", "--example", "demo"], {
    cwd: root,
    env: { ...inherited, ...env, PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const origin = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${log}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      log += `${line}\n`;
      const found = /The demo is at (http:\/\/127\.0\.0\.1:\d+)$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  return {
    origin,
    port: new URL(origin).port,
    // What it has said so far.
    lines: () => log.split("\n"),
    // Where the embedded fake listens.
    fake: /stand-in for Descope is at (\S+)/.exec(log)?.[1],
    stop() {
      children.delete(child);
      child.kill("SIGKILL");
    },
  };
}

// An example as a child process; resolves to what `ready` finds in its output.
export function startExample(name, more, ready, env = {}) {
  const binary = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/examples", name);
  const child = spawn(binary, more, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = ready.exec(line);
      if (found) resolve(found[1]);
    });
  });
}

const chromiumWith = (more) => ({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...more,
  ],
});

export const startChromium = (...more) => chromium.launch(chromiumWith(more));

// Chromium as people have it, with the cache of whole pages that Playwright switches off.
export const startWithPageCache = () =>
  chromium.launch({ ...chromiumWith([]), ignoreDefaultArgs: ["--disable-back-forward-cache"] });

// Chromium with a new and empty profile that lets other sites' requests carry cookies, as browsers
// do that are older or set so.
export function startOpenHearted(...more) {
  const folder = mkdtempSync(path.join(work, "profile-"));
  const cookies = { cookie_controls_mode: 0, block_third_party_cookies: false };
  mkdirSync(path.join(folder, "Default"));
  writeFileSync(path.join(folder, "Default/Preferences"), JSON.stringify({ profile: cookies }));
  const options = { ...chromiumWith(more), ignoreHTTPSErrors: true };
  return chromium.launchPersistentContext(folder, options).then((context) => {
    context.setDefaultTimeout(30_000);
    folders.push(folder);
    return context;
  });
}

// Chromium with a new profile, which can be closed and started again.
export async function startKept(options) {
  const folder = mkdtempSync(path.join(work, "profile-"));
  folders.push(folder);
  const browser = {};
  const start = async () => {
    browser.context = await chromium.launchPersistentContext(folder, { ...chromiumWith([]), ...options });
    browser.context.setDefaultTimeout(30_000);
  };
  browser.restart = async () => {
    // Chromium writes its cookies half a minute later, or at its end.
    await browser.context.close();
    await start();
  };
  await start();
  return browser;
}

// A context whose pages must not complain and must not talk to anybody but the demo.
export async function visit(browser, origin, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1180, height: 820 },
    colorScheme: "light",
    reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(30_000);
  const complaints = [];
  const strangers = new Set();
  context.on("page", (page) => {
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      // A refused request is logged by Chromium itself; refusals are what is tested here.
      const refused = /Failed to load resource: the server responded with a status of 4\d\d/;
      if (message.type() === "error" && !refused.test(message.text())) {
        complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
  });
  context.on("request", (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol.startsWith("http") && asked !== origin) strangers.add(asked);
  });
  const page = await context.newPage();
  return { context, page, complaints, strangers };
}

// Where a picture goes.
export function screenshot(name) {
  mkdirSync(screens, { recursive: true });
  return path.join(screens, `${name}.png`);
}

// The page as it stands: on a desktop light and dark, and on a phone; and in the narrowest window.
export async function shoot(page, name) {
  const size = page.viewportSize();
  const save = (suffix) =>
    page.screenshot({ path: screenshot(`${name}-${suffix}`), fullPage: true });
  await save("light");
  await page.emulateMedia({ colorScheme: "dark" });
  await save("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await save("phone");
  await fits(page, name);
  await page.setViewportSize({ width: 320, height: 640 });
  await save("narrow");
  await fits(page, name);
  await page.setViewportSize(size);
}

// Nobody has to scroll sideways.
export async function fits(page, name) {
  const [width, wanted] = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    return [clientWidth, scrollWidth];
  });
  check(`${name}: nothing sticks out at ${width} px`, wanted <= width, `it takes ${wanted} px`);
}

// The session's cookies by name.
export async function cookies(context) {
  const all = await context.cookies();
  return Object.fromEntries(all.map((cookie) => [cookie.name, cookie]));
}

export const heading = (page) => page.locator("h1").innerText();

export async function rows(page) {
  return (await page.locator("tbody th").allInnerTexts()).map((text) => text.trim());
}

// Clicks what leads to another page, and waits until that page is there whole.
export async function follow(button) {
  const loaded = button.page().waitForEvent("load");
  await button.click();
  await loaded;
}

export async function signInAs(page, origin, name) {
  await page.goto(`${origin}/sign-in`);
  await follow(page.getByRole("button", { name }));
}

// By the menu at the top. The answer to its form is returned.
export async function switchTo(page, company) {
  await page.locator("details.company summary").click();
  const answered = page.waitForResponse((response) => response.url().endsWith("/tenant/select"));
  await follow(page.locator("details.company").getByRole("button", { name: company }));
  return answered;
}

// Nothing that looks like a token where a script can read it.
export function readable(page) {
  return page.evaluate(() => ({
    cookie: document.cookie,
    tokens: [localStorage, sessionStorage].some((storage) =>
      Object.values({ ...storage }).some((value) => value.includes("eyJ")),
    ),
  }));
}
