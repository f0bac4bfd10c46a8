// "Stay signed in": how long the cookies are kept, and what is left when the browser is started again.

import { check, cookies, equal, follow, heading } from "./sign_in.mjs";
import { startKept, switchTo } from "./lib.mjs";

const PAIR = ["__Host-DS", "__Host-DSR"];
// When a session of three seconds counts as expired: after five more.
const OVER = 8_500;

const google = async ({ page, origin, world }, remember) => {
  const query = remember ? "&remember=1" : "";
  await page.goto(`${origin}/auth/oauth/google?return_to=/tenants${query}`);
  await follow(page.getByRole("link", { name: "Ann Archer" }));
  await page.waitForURL(`${origin}/tenants`);
};

const WAYS = {
  "by a code": async ({ page, origin }, remember) => {
    await page.goto(`${origin}/sign-in?next=/tenants`);
    await page.getByLabel("Stay signed in").setChecked(remember);
    await follow(page.getByRole("button", { name: "Ann Archer" }));
    await page.waitForURL(`${origin}/tenants`);
  },
  "by Google": google,
};

export async function staying(bed) {
  const demo = await bed.demo({ DEMO_SESSION_SECONDS: "3" });
  const { origin, world } = demo;
  const everybody = [];
  for (const [name, way] of Object.entries(WAYS)) {
    for (const remember of [true, false]) {
      const visitor = await demo.visitor();
      const what = `${name}, ${remember ? "to stay" : "not to stay"}`;
      await way({ ...visitor, origin, world }, remember);
      await kept(`${what}: signed in`, visitor, remember);
      everybody.push({ ...visitor, what, remember });
    }
  }
  for (const visitor of everybody) {
    await follow(visitor.page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
    await visitor.page.waitForURL(`${origin}/projects`);
    await kept(`${visitor.what}: in a company`, visitor, visitor.remember);
  }
  await new Promise((done) => setTimeout(done, OVER));
  for (const visitor of everybody) {
    const { page, context, what, remember } = visitor;
    const before = (await cookies(context))["__Host-DS"]?.value;
    await page.goto(`${origin}/projects`);
    equal(`${what}: the session is renewed`, [await heading(page), (await cookies(context))["__Host-DS"].value === before], ["Projects", false]);
    await kept(`${what}: renewed`, visitor, remember);
    await switchTo(page, "Beta Bakery");
    await kept(`${what}: in another company, renewed before`, visitor, remember);
    await follow(page.getByRole("button", { name: "Sign out" }));
    equal(`${what}: signed out, nothing is left`, Object.keys(await cookies(context)), []);
  }
  await restarted(demo);
  await demo.stop();
}

// With the box both live for weeks, and a third cookie says so; without it, until the browser is closed.
async function kept(what, { context }, remember) {
  const all = await cookies(context);
  const lives = PAIR.map((name) => all[name] && (all[name].expires - Date.now() / 1000) / 86_400);
  const names = [...PAIR, ...(remember ? ["__Host-DSR-R"] : [])].sort();
  equal(`${what}: which cookies there are`, Object.keys(all).sort(), names);
  const holds = remember ? lives.every((days) => days > 1 && days <= 400) : PAIR.every((name) => all[name]?.expires === -1);
  check(`${what}: how long they are kept`, holds, JSON.stringify(lives));
}

// A browser that is closed and started again, with the same profile.
async function restarted({ origin, world }) {
  for (const [name, way] of Object.entries(WAYS)) {
    for (const remember of [true, false]) {
      const options = { javaScriptEnabled: false, proxy: world.proxy };
      const browser = await startKept(options);
      await way({ page: await browser.context.newPage(), origin, world }, remember);
      await browser.restart();
      const page = await browser.context.newPage();
      await page.goto(`${origin}/access`);
      const path = new URL(page.url()).pathname;
      equal(`${name}, ${remember ? "to stay" : "not to stay"}: after a restart of the browser`, path, remember ? "/access" : "/sign-in");
      await browser.context.close();
    }
  }
}
