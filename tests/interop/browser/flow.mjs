// Descope's own sign-in component, as it is published, on the demo's origin; and links that others
// have planted. Run by hand, as `node flow.mjs` after `run.sh`. Nothing but the demo is asked: its packages are installed beside Playwright.

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
  signInAs,
  startChromium,
  startDemo,
  switchTo,
  visit,
  work,
} from "./lib.mjs";

const FLOW = "/sign-in/flow";
const ANN = "ann@acme.test";
const CODE = "123456";
const ACME = "Warehouse pilot in Rotterdam";
const BETA = "Christmas stollen 2026";
// How a token begins.
const TOKEN = "eyJ";
// Long enough for a page to do what it would do.
const SETTLED = 2_500;

main(300, async () => {
  // No name resolves, so that nothing is asked by mistake.
  const browser = await startChromium("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
  for (const [name, env, sameSite] of [
    ["SameSite=Lax", {}, "Lax"],
    ["SameSite=Strict", { DEMO_SAME_SITE: "strict" }, "Strict"],
  ]) {
    console.log(`\n# the component, ${name}`);
    const demo = await startDemo({ ...env, DEMO_UI_DIR: path.join(work, "node_modules") });
    await journey(browser, demo, sameSite);
    await twoTabs(browser, demo);
    console.log(`\n# planted links, ${name}`);
    await planted(browser, demo);
    demo.stop();
  }
  await browser.close();
});

// A visitor all of whose traffic and words are kept, as far as scripts could read them.
async function listener(browser, demo) {
  const visitor = await visit(browser, demo.origin);
  const { context, page } = visitor;
  const heard = { bodies: [], said: [], successes: [], unread: [] };
  context.on("console", (message) => heard.said.push(message.text()));
  await context.exposeBinding("succeeded", (_, success) => heard.successes.push(success));
  await context.addInitScript(() => {
    const tell = (event) => {
      // Before the page that comes next.
      const { detail } = event;
      const kept = [{ ...localStorage }, { ...sessionStorage }, document.cookie];
      window.succeeded({ detail: JSON.stringify(detail ?? null), kept: JSON.stringify(kept) });
    };
    window.addEventListener("success", tell, true);
  });
  await listen(context, page, heard);
  const another = async () => {
    const tab = await context.newPage();
    await listen(context, tab, heard);
    return tab;
  };
  return { ...visitor, heard, another };
}

// Every body is taken before the page gets it, so that none is lost by a page that goes away.
async function listen(context, page, heard) {
  const session = await context.newCDPSession(page);
  session.on("Fetch.requestPaused", async ({ requestId, request, responseStatusCode: status }) => {
    const { url } = request;
    try {
      const redirects = status >= 300 && status < 400;
      if (status !== undefined && !redirects) {
        const { body, base64Encoded } = await session.send("Fetch.getResponseBody", { requestId });
        const text = base64Encoded ? Buffer.from(body, "base64").toString() : body;
        heard.bodies.push({ url, status, sent: request.postData ?? "", text });
      }
    } catch (error) {
      // Of a page that has gone away meanwhile nobody gets the body.
      if (!String(error).includes("Invalid InterceptionId")) heard.unread.push(`${url}: ${error}`);
    }
    await session.send("Fetch.continueRequest", { requestId }).catch(() => {});
  });
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "*", requestStage: "Response" }] });
}

const component = (page) => page.locator("descope-wc");
const field = (page, name) => component(page).locator(`input[name="${name}"]`);

// A screen is shown a moment before its button works, so it is pressed until a call goes up, as people do.
async function submit(page, name, text) {
  await field(page, name).fill(text);
  for (let left = 6; left > 0; left -= 1) {
    const sent = page.waitForRequest((request) => request.url().endsWith("/v1/flow/next"), { timeout: 4_000 });
    await component(page).locator("#submit").click();
    if (await sent.catch(() => undefined)) return;
  }
}

const calls = (heard, call) =>
  heard.bodies.filter(({ url }) => new URL(url).pathname === `/v1/flow/${call}`);

async function kept(page) {
  return JSON.stringify(
    await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
}

function nothingReadable(what, heard) {
  const { bodies, said, successes, unread } = heard;
  equal(`${what}: every answer's body was looked at`, unread, []);
  const withTokens = bodies.filter(({ text }) => text.includes(TOKEN)).map(({ url }) => url);
  equal(`${what}: no body of ${bodies.length} has a token`, withTokens, []);
  equal(`${what}: the console has none`, said.filter((line) => line.includes(TOKEN)), []);
  const loud = successes.filter(({ detail }) => detail.includes(TOKEN));
  equal(`${what}: the event of success has none`, loud.length, 0);
  const kept = successes.filter(({ kept }) => kept.includes(TOKEN));
  equal(`${what}: nor has the page's storage then`, kept.length, 0);
}

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
  await page.screenshot({ path: screenshot(`flow-${sameSite}`), fullPage: true });
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
  await Promise.all(tabs.map((tab) => submit(tab, "loginId", ANN)));
  await Promise.all(tabs.map((tab) => field(tab, "code").waitFor()));
  const executions = new Set(calls(heard, "start").map(({ text }) => JSON.parse(text).executionId));
  equal("two tabs have started a flow each", executions.size, 2);
  const loaded = tabs.map((tab) => tab.waitForURL((url) => url.pathname !== FLOW));
  await Promise.all(tabs.map((tab) => submit(tab, "code", CODE)));
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

// Links by which somebody would sign others in as themselves: as Ann.
async function planted(browser, demo) {
  const { origin } = demo;
  const attacker = await listener(browser, demo);
  const flow = await begun(attacker, origin);
  const run = `descope-login-flow=${encodeURIComponent(`${flow.executionId}_${flow.stepId}`)}`;
  const links = [run, `${run}&code=x`, `${run}&t=x`, `${run}&err=x`, "code=x", "t=x"];
  const named = (link) => `?${link.replace(run, "descope-login-flow=…")}`;

  for (const link of links) {
    const what = named(link);
    const { context, page, strangers, heard } = await listener(browser, demo);
    await follows(page, `${origin}${FLOW}?${link}`);
    equal(`${what}: a visitor stays signed out`, [await signedIn(context), heard.successes.length], [false, 0]);
    notGoneOn(what, calls(heard, "next"), flow, link);
    equal(`${what}: the code, brought by hand, is refused`, await bring(page, flow, { code: CODE }), [403, "foreign_flow"]);
    equal(`${what}: and signs nobody in`, await signedIn(context), false);
    await page.goto(`${origin}/projects`);
    check(`${what}: no page takes the visitor for anybody`, page.url().startsWith(`${origin}/sign-in?`), page.url());
    equal(`${what}: no other server was asked`, [...strangers], []);
    nothingReadable(what, heard);
    await context.close();
  }

  const ben = await listener(browser, demo);
  await signInAs(ben.page, origin, "Ben Osei");
  const before = (await cookies(ben.context))["__Host-DSR"].value;
  for (const link of links) {
    const what = `${named(link)}, Ben`;
    const seen = calls(ben.heard, "next").length;
    await follows(ben.page, `${origin}${FLOW}?${link}`);
    notGoneOn(what, calls(ben.heard, "next").slice(seen), flow, link);
    equal(`${what}: the code, brought by hand, is refused`, await bring(ben.page, flow, { code: CODE }), [403, "foreign_flow"]);
    await ben.page.goto(`${origin}/sign-in`);
    equal(`${what}: he stays Ben`, [await who(ben.page), await heading(ben.page)], ["Ben Osei", "You are signed in already"]);
    equal(`${what}: with his own cookie`, (await cookies(ben.context))["__Host-DSR"].value, before);
  }

  // The flow was nobody else's: who has started it goes on with it.
  const loaded = attacker.page.waitForURL((url) => url.pathname !== FLOW);
  await submit(attacker.page, "code", CODE);
  await loaded;
  equal("whose flow it is can still end it", await who(attacker.page), "Ann Archer");
  await attacker.context.close();

  // What comes with a link's token goes up from any browser; a session never comes back to another one.
  const visitor = await listener(browser, demo);
  await visitor.page.goto(`${origin}${FLOW}`);
  for (const [name, { context, page, heard }] of [["a visitor", visitor], ["Ben", ben]]) {
    const sender = await listener(browser, demo);
    const other = await begun(sender, origin);
    await page.goto(`${origin}${FLOW}`);
    const answer = await bring(page, other, { code: CODE, token: "x" });
    equal(`${name}: a flow that ends with a token brought by hand signs nobody else in`, answer, [403, "foreign_flow"]);
    if (name === "Ben") {
      await page.goto(`${origin}/sign-in`);
      equal("and Ben is still Ben", await who(page), "Ben Osei");
    } else {
      equal("and the visitor is still nobody", await signedIn(context), false);
    }
    nothingReadable(name, heard);
    await sender.context.close();
    await context.close();
  }
  equal("no page of Ben's asked another server", [...ben.strangers], []);
}

// Somebody's flow, as far as the code.
async function begun({ page, heard }, origin) {
  await page.goto(`${origin}${FLOW}`);
  await submit(page, "loginId", ANN);
  await field(page, "code").waitFor();
  const { executionId, stepId } = JSON.parse(calls(heard, "start").at(-1).text);
  check("somebody has a flow under way", executionId && stepId, executionId);
  const project = await page.locator("#flow").getAttribute("data-project");
  return { executionId, stepId, project };
}

// Follows a link, and does on its page what somebody would who does not know better.
async function follows(page, link) {
  await page.goto(link);
  await page.waitForTimeout(SETTLED);
  if (!(await field(page, "code").isVisible())) return;
  // The component may have nothing to send here.
  await field(page, "code").fill(CODE);
  await component(page).locator("#submit").click();
  await page.waitForTimeout(SETTLED);
}

// The step of a flow as the component would send it.
function bring(page, { executionId, stepId, project }, input) {
  const body = { executionId, stepId, interactionId: "submit", version: 1, input };
  return page.evaluate(
    async ([project, body]) => {
      const answer = await fetch("/v1/flow/next", {
        method: "POST",
        headers: { "authorization": `Bearer ${project}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return [answer.status, (await answer.json()).errorCode];
    },
    [project, body],
  );
}

function notGoneOn(what, nexts, { executionId }, link) {
  const own = nexts.filter(({ sent }) => sent.includes(JSON.stringify(executionId)));
  // The link of a mail may be read in another browser than the one that waits: such a call goes up.
  const steps = own.filter(({ sent }) => !JSON.parse(sent).input?.token);
  equal(`${what}: no step was taken in somebody else's flow`, steps.filter(({ status }) => status === 200).length, 0);
  if (/&(code|err)=/.test(link)) {
    equal(`${what}: though the component has tried`, steps.map(({ status }) => status), [403]);
  }
}

async function signedIn(context) {
  const names = Object.keys(await cookies(context));
  return names.includes("__Host-DS") || names.includes("__Host-DSR");
}

// The name at the top of the page.
const who = (page) => page.locator(".who .name").first().innerText();

// The log comes by a pipe of its own.
async function found(look) {
  for (let left = 40; left > 0 && look().length === 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return look();
}
