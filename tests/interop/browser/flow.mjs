// Descope's own sign-in component, as it is published, on the demo's origin: signing in by it in every
// way that the stand-in's flows have, and links that others have planted. Nothing but the demo is asked:
// the component's packages are installed beside Playwright.

import path from "node:path";

import {
  check,
  cookies,
  equal,
  follow,
  heading,
  main,
  rows,
  screenshot,
  shoot,
  startChromium,
  startDemo,
  switchTo,
  work,
} from "./lib.mjs";
import { ANN, CODE, FLOW, TOKEN, button, calls, component, field, fill, found, kept, listener, nothingReadable, signedIn, submit, who } from "./listener.mjs";
import { planted } from "./planted.mjs";
import { restarts } from "./restarts.mjs";
import { links, singleSignOn, stepUp } from "./steps.mjs";

const ACME = "Warehouse pilot in Rotterdam";
const BETA = "Christmas stollen 2026";

// A part by its name, for whoever works on one; all of them else. Some need the browser once, with the
// cookies that come along with less.
const PARTS = { journey, twoTabs, singleSignOn, planted };
const STRICT = { links, stepUp, restarts };

main(600, async () => {
  // No name resolves, so that nothing is asked by mistake.
  const browser = await startChromium("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost");
  for (const [env, sameSite] of [[{}, "Lax"], [{ DEMO_SAME_SITE: "strict" }, "Strict"]]) {
    const demo = await startDemo({ ...env, DEMO_UI_DIR: path.join(work, "node_modules") });
    const parts = sameSite === "Strict" ? { ...PARTS, ...STRICT } : PARTS;
    for (const [name, part] of Object.entries(parts)) {
      if (process.argv[2] && process.argv[2] !== name) continue;
      console.log(`\n# ${name}, SameSite=${sameSite}`);
      await part(browser, demo, sameSite);
    }
    demo.stop();
  }
  await browser.close();
});

// Ann by the component: a wrong code, the right one, both companies, out.
async function journey(browser, demo, sameSite) {
  const { origin } = demo;
  const { context, page, complaints, strangers, heard } = await listener(browser, demo);
  await page.goto(`${origin}${FLOW}`);
  await submit(page, "loginId", ANN);
  await field(page, "code").waitFor();
  equal("the address leads to the code, and signs nobody in", await signedIn(context), false);
  await submit(page, "code", "000000");
  const why = component(page).getByText("Wrong code");
  await why.waitFor();
  check("a wrong code is refused, and the component says so", await why.isVisible());
  equal("it signs nobody in either", await signedIn(context), false);
  await shoot(page, `flow-${sameSite}`);
  const loaded = page.waitForURL((url) => url.pathname !== FLOW);
  await submit(page, "code", CODE);
  await loaded;
  equal("the right code signs in: the next page knows who it is", [await heading(page), await who(page)], ["Choose a company", "Ann Archer"]);
  await page.screenshot({ path: screenshot(`flow-${sameSite}-next`), fullPage: true });

  equal("the component said so once", heard.successes.length, 1);
  const detail = JSON.parse(heard.successes[0]?.detail ?? "null");
  equal("and whom it has signed in", detail?.user?.name, "Ann Archer");
  equal("its tokens are empty", [detail?.sessionJwt, detail?.refreshJwt], ["", ""]);
  const flow = Object.entries(await cookies(context));
  equal(
    `every cookie is HttpOnly, Secure and SameSite=${sameSite}`,
    flow.filter(([, it]) => !it.httpOnly || !it.secure || it.sameSite !== sameSite).map(([name]) => name),
    [],
  );
  const names = flow.map(([name]) => name);
  check("the session's are there", ["__Host-DS", "__Host-DSR"].every((name) => names.includes(name)), names.join());
  check("the next page's storage has no token", !(await kept(page)).includes(TOKEN));
  equal("scripts see no cookie", await page.evaluate(() => document.cookie), "");
  equal("the calls of the flow", [calls(heard, "start").length, calls(heard, "next").map(({ status }) => status)], [1, [200, 200]]);

  await page.reload();
  equal("after a reload it is still Ann", await who(page), "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.goto(`${origin}/projects`);
  check("Acme's projects are shown", (await rows(page)).includes(ACME));
  const answer = await switchTo(page, "Beta Bakery");
  equal("a switch by the menu is answered by 303", answer.status(), 303);
  check("and Beta's are shown", (await rows(page)).includes(BETA));
  check("nor has the storage a token after it", !(await kept(page)).includes(TOKEN));
  await follow(page.getByRole("button", { name: "Sign out" }).first());
  equal("signing out says so", await page.getByRole("status").innerText(), "You are signed out.");
  equal("and leaves none of the session's cookies", await signedIn(context), false);
  await page.goto(`${origin}/projects`);
  check("and the pages know it", page.url().startsWith(`${origin}/sign-in?`), page.url());

  // A wrong code is Descope's error, which the component logs.
  const others = complaints.filter((line) => !line.includes("Wrong code"));
  equal("no page complained", others, []);
  equal("no page asked another server", [...strangers], []);
  nothingReadable("all the way", heard);
  const logged = await found(() => demo.lines().filter((line) => line.includes("signed in") && line.includes('door="flow"')));
  equal("the demo has logged one sign-in by the flow", logged.length, 1);
  check("and who it was", logged[0]?.includes("U2ann"), logged[0]);
  check("its log has no token", !demo.lines().some((line) => line.includes(TOKEN)));
  await context.close();
}

// Both start before either ends.
async function twoTabs(browser, demo) {
  const { context, page, complaints, strangers, heard, another } = await listener(browser, demo);
  const tabs = [page, await another()];
  await Promise.all(tabs.map((tab) => tab.goto(`${demo.origin}${FLOW}`)));
  await bothSubmit(tabs, "loginId", ANN);
  await Promise.all(tabs.map((tab) => field(tab, "code").waitFor({ state: "attached" })));
  const executions = new Set(calls(heard, "start").map(({ text }) => JSON.parse(text).executionId));
  equal("two tabs have started a flow each", executions.size, 2);
  const loaded = tabs.map((tab) => tab.waitForURL((url) => url.pathname !== FLOW));
  await bothSubmit(tabs, "code", CODE);
  await Promise.all(loaded);
  for (const [index, tab] of tabs.entries()) {
    equal(`tab ${index + 1} ends signed in`, await who(tab), "Ann Archer");
  }
  for (const tab of tabs) await tab.reload();
  equal("and both stay so", await Promise.all(tabs.map(who)), ["Ann Archer", "Ann Archer"]);
  equal("neither complained", complaints, []);
  equal("neither asked another server", [...strangers], []);
  nothingReadable("two tabs", heard);
  await context.close();
}

// A screen appears only in the tab that is looked at, so that each is filled in there; then both are sent
// at once.
async function bothSubmit(tabs, name, text) {
  for (const tab of tabs) {
    await tab.bringToFront();
    await fill(tab, name, text);
  }
  await Promise.all(tabs.map((tab) => button(tab).evaluate((button) => button.click())));
}
