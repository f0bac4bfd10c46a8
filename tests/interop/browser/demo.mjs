// The demo in Chromium, as a person uses it. `run.sh` installs what this needs and runs it.

import { createServer } from "node:http";

import { edges } from "./edges.mjs";
import {
  check,
  cookies,
  equal,
  fits,
  follow,
  heading,
  main,
  readable,
  rows,
  shoot,
  signInAs,
  startChromium,
  startDemo,
  switchTo,
  visit,
} from "./lib.mjs";

const PREFIXED = { session: "__Host-DS", refresh: "__Host-DSR", secure: true };
const PLAIN = { session: "DS", refresh: "DSR", secure: true };
const INSECURE = { session: "DS", refresh: "DSR", secure: false };
const ACME = "Warehouse pilot in Rotterdam";
const BETA = "Christmas stollen 2026";
// When a session of three seconds counts as expired: after five more.
const OVER = 8_500;

main(600, async () => {
  const browser = await startChromium();
  for (const [name, env, names] of [
    ["__Host- names", {}, PREFIXED],
    ["plain names", { DEMO_COOKIE_NAMES: "plain" }, PLAIN],
    ["insecure", { DEMO_INSECURE_COOKIES: "1" }, INSECURE],
  ]) {
    console.log(`\n# ${name}`);
    const demo = await startDemo(env);
    await journey(browser, demo, names);
    if (names === PREFIXED) {
      await people(browser, demo);
      await keyboard(browser, demo);
      await withoutScript(browser, demo);
      await byAddress(browser, demo);
      await helpDesk(browser, demo);
      await otherSites(browser, demo);
      await lostCookies(browser, demo);
      await ownProject(browser, demo);
      await edges(browser, demo);
    }
    demo.stop();
  }
  console.log("\n# sessions of three seconds");
  const brief = await startDemo({ DEMO_SESSION_SECONDS: "3" });
  await renewal(browser, brief);
  await everywhere(browser, brief);
  await outage(browser, brief);
  await browser.close();
});

// Ann, owner of both companies: in, look, switch, write, two tabs, out.
async function journey(browser, demo, names) {
  const { origin } = demo;
  const { context, page, complaints, strangers } = await visit(browser, origin);
  const pictures = names === PREFIXED ? shoot : async () => {};

  await page.goto(origin);
  await pictures(page, "01-home");
  await page.goto(`${origin}/projects`);
  equal("a page of a company leads to sign-in", page.url(), `${origin}/sign-in?why=missing_token&next=/projects`);
  await pictures(page, "02-sign-in");

  await follow(page.getByRole("button", { name: "Ann Archer" }));
  equal("who belongs to two companies is asked which", await heading(page), "Choose a company");
  await pictures(page, "03-picker");
  const first = await cookies(context);
  equal("there are two cookies, and the one that says \"stay signed in\"", Object.keys(first).sort(), [names.session, names.refresh, `${names.refresh}-R`].sort());
  for (const cookie of Object.values(first)) checkKept(cookie, names);
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  let seen = await rows(page);
  check("Acme's projects are shown", seen.includes(ACME));
  check("and none of Beta's", !seen.includes(BETA));
  equal("the colour is Acme's", await page.locator("body").getAttribute("data-accent"), "0");
  await pictures(page, "04-projects-acme");
  const before = await cookies(context);

  await page.locator("details.company summary").click();
  await pictures(page, "05-menu");
  await page.keyboard.press("Escape");
  const answer = await switchTo(page, "Beta Bakery");
  equal("the switch is answered by 303 to the same page", [answer.status(), answer.headers().location], [303, "/projects"]);
  seen = await rows(page);
  check("Beta's projects are shown, on the same page", page.url() === `${origin}/projects` && seen.includes(BETA));
  check("and none of Acme's", !seen.includes(ACME));
  equal("the colour is Beta's", await page.locator("body").getAttribute("data-accent"), "1");
  await pictures(page, "06-projects-beta");
  await checkCookies(context, answer, before, names);

  await page.reload();
  check("after a reload it is still Beta", (await rows(page)).includes(BETA));
  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });
  check("the mark for Descope's SDK is set", await page.evaluate(() => localStorage.getItem("DSLI")));

  await page.goto(`${origin}/access`);
  equal("the own roles are shown", (await rows(page)).length, 2);
  await pictures(page, "07-access");
  await page.goto(`${origin}/billing`);
  equal("an owner sees the invoices", [await heading(page), (await rows(page)).length], ["Billing", 2]);
  await pictures(page, "08-billing");

  const odd = `<b>Tom & "Jerry's"</b>`;
  await page.goto(`${origin}/projects`);
  await page.getByLabel("Name").fill(odd);
  await follow(page.getByRole("button", { name: "Add to Beta Bakery" }));
  equal("a project is added, as typed and not as HTML", [(await rows(page))[0], await page.locator("th b").count()], [odd, 0]);
  check("and that is said", (await page.getByRole("status").innerText()).includes("was added to Beta Bakery"));
  await pictures(page, "09-added");
  await page.getByLabel("Name").fill("W".repeat(80));
  await follow(page.getByRole("button", { name: "Add to Beta Bakery" }));
  for (const width of [390, 720, 1180]) {
    await page.setViewportSize({ width, height: 820 });
    await fits(page, "a name of one long word");
  }
  await page.getByLabel("Name").fill("   ");
  await follow(page.getByRole("button", { name: "Add to Beta Bakery" }));
  equal("a name of spaces is refused, in place", await page.locator("#name-problem").innerText(), "Give the project a name.");

  // Two tabs: one shows Beta, the other goes to Acme.
  await page.goto(`${origin}/projects`);
  const other = await context.newPage();
  await other.goto(`${origin}/projects`);
  await switchTo(other, "Acme Robotics");
  await page.getByLabel("Name").fill("Winter menu, 2nd draft & costs");
  const [refused] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === "POST"),
    follow(page.getByRole("button", { name: "Add to Beta Bakery" })),
  ]);
  equal("the tab of the old company may not write", refused.status(), 403);
  equal("and is told why", await heading(page), "You switched to Acme Robotics in another tab");
  equal("what was typed is kept", await page.locator("blockquote").innerText(), "Winter menu, 2nd draft & costs");
  await pictures(page, "10-two-tabs");
  await other.reload();
  check("nothing was written to Acme", !(await rows(other)).some((name) => name.startsWith("Winter")));
  await follow(page.getByRole("button", { name: "Switch back to Beta Bakery" }));
  await page.waitForURL(/\/projects\?name=/);
  equal("switching back fills the form", await page.getByLabel("Name").inputValue(), "Winter menu, 2nd draft & costs");
  await follow(page.getByRole("button", { name: "Add to Beta Bakery" }));
  check("and the project goes to Beta", (await rows(page))[0].startsWith("Winter menu"));
  await other.getByLabel("Name").fill("Torque sensor");
  await follow(other.getByRole("button", { name: "Add to Acme Robotics" }));
  await follow(other.getByRole("button", { name: "Add it to Beta Bakery instead" }));
  check("or it is added to the other company, on purpose", (await rows(other))[0] === "Torque sensor");

  const last = await cookies(context);
  await follow(page.getByRole("button", { name: "Sign out" }));
  equal("signing out says so", await page.getByRole("status").innerText(), "You are signed out.");
  equal("and leaves no cookie", Object.keys(await cookies(context)), []);
  check("nor the mark for the SDK", !(await page.evaluate(() => localStorage.getItem("DSLI"))));
  await pictures(page, "11-signed-out");
  await other.reload();
  check("the other tab is signed out too", other.url().includes("/sign-in"));
  // The tokens of before, put back by hand: Descope knows that their session is over.
  await context.addCookies(Object.values(last));
  await page.goto(`${origin}/tenants`);
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  check("Descope was told: the old refresh token selects nothing", page.url().includes("select_error=") || page.url().includes("/sign-in"), page.url());

  equal("no page complained", complaints, []);
  equal("no page asked another server", [...strangers], []);
  await context.close();
}

function checkKept(cookie, names) {
  equal(
    `${cookie.name} is kept HttpOnly, SameSite=Lax, for this host and all paths`,
    [cookie.httpOnly, cookie.sameSite, cookie.domain, cookie.path, cookie.secure],
    [true, "Lax", "127.0.0.1", "/", names.secure],
  );
  const days = (cookie.expires - Date.now() / 1000) / 86_400;
  check(`${cookie.name} lives as long as the refresh token`, days > 1 && days <= 400, `${days} days`);
}

// Attributes as sent and as kept.
async function checkCookies(context, answer, before, names) {
  const kept = await cookies(context);
  const lines = (await answer.headersArray())
    .filter(({ name }) => name.toLowerCase() === "set-cookie")
    .flatMap(({ value }) => value.split("\n"));
  for (const name of [names.session, names.refresh]) {
    check(`${name} is a new one`, kept[name].value !== before[name].value);
    checkKept(kept[name], names);
    const line = lines.find((line) => line.startsWith(`${name}=ey`)) ?? "";
    const attributes = line.split(/;\s*/).slice(1).map((part) => part.toLowerCase().replace(/=\d+$/, "="));
    equal(
      `${name} is sent with exactly its attributes`,
      attributes.sort(),
      ["httponly", "max-age=", "path=/", "samesite=lax", ...(names.secure ? ["secure"] : [])],
    );
  }
}

// Ben has fewer roles, Cleo one company.
async function people(browser, { origin }) {
  const { context, page } = await visit(browser, origin);
  await signInAs(page, origin, "Ben Osei");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  const { headers } = await page.evaluate(async () => {
    const answer = await fetch("/projects");
    return { headers: Object.fromEntries(answer.headers) };
  });
  check("pages are not stored, and run no foreign script", headers["cache-control"] === "no-store" && headers["content-security-policy"].startsWith("default-src 'none'; script-src 'self';"));
  const response = await page.goto(`${origin}/billing`);
  equal("a missing role is refused", [response.status(), response.headers()["x-descope-rejection"], await heading(page)], [403, "missing_role", "This page needs another role"]);
  await shoot(page, "12-missing-role");
  await switchTo(page, "Beta Bakery");
  equal("a switch there stays at the refused page", page.url(), `${origin}/billing`);
  await page.goto(`${origin}/projects`);
  equal("without the permission there is no form", await page.getByLabel("Name").count(), 0);
  await shoot(page, "13-missing-permission");
  const posted = await page.evaluate(async () => {
    const body = new URLSearchParams({ tenant: "T2beta", name: "Sneaked in" });
    const answer = await fetch("/projects", { method: "POST", body });
    return [answer.status, (await answer.json()).error];
  });
  equal("and the server refuses a made-up one", posted, [403, "missing_permission"]);
  const missing = await page.goto(`${origin}/no-such-page`);
  equal("an unknown page is 404, not 401", missing.status(), 404);
  await shoot(page, "14-not-found");
  await page.goto(`${origin}/projects`);
  await follow(page.getByRole("button", { name: "Sign out" }));

  await signInAs(page, origin, "Cleo Castillo");
  await page.waitForURL(`${origin}/projects`);
  check("who belongs to one company need not choose", (await rows(page)).includes(BETA));
  const refused = await page.evaluate(async () => {
    const answer = await fetch("/v1/auth/tenant/select", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tenant: "T2acme" }),
    });
    return [answer.status, (await answer.json()).error];
  });
  equal("and may not choose another", refused, [403, "tenant_refused"]);
  await page.reload();
  check("which leaves the session as it was", (await rows(page)).includes(BETA));
  await context.close();
}

// Sign-in and switch with nothing but Tab, Enter and Escape.
async function keyboard(browser, { origin }) {
  const { context, page } = await visit(browser, origin);
  const focused = () =>
    page.evaluate(() => {
      const { activeElement: element } = document;
      const style = getComputedStyle(element);
      return {
        text: element.innerText?.trim().replace(/\s+/g, " ") ?? "",
        visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
      };
    });
  const tabTo = async (start) => {
    for (let presses = 1; presses < 25; presses += 1) {
      await page.keyboard.press("Tab");
      const { text, visible } = await focused();
      if (!visible) check(`the focus is seen on "${text}"`, false);
      if (text.startsWith(start)) return presses;
    }
    throw new Error(`no way to "${start}" by Tab`);
  };
  await page.goto(`${origin}/sign-in`);
  equal("the first Tab is the skip link", await tabTo("Skip to content"), 1);
  await page.keyboard.press("Enter");
  await tabTo("AA Ann Archer").catch(() => tabTo("Ann Archer"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tenants/);
  await tabTo("Skip to content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  check("after the skip link comes the first company", (await focused()).text.includes("Acme Robotics"));
  await page.keyboard.press("Enter");
  await page.waitForURL(`${origin}/projects`);
  await tabTo("Company: Acme Robotics");
  await page.keyboard.press("Enter");
  check("Enter opens the menu", await page.locator("details.company").evaluate((menu) => menu.open));
  await page.keyboard.press("Escape");
  check("Escape closes it", !(await page.locator("details.company").evaluate((menu) => menu.open)));
  await page.keyboard.press("Enter");
  await tabTo("Beta Bakery");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.body?.dataset.accent === "1");
  await page.waitForLoadState();
  check("sign-in and switch work by keyboard alone", (await rows(page)).includes(BETA));
  await context.close();
}

async function withoutScript(browser, { origin }) {
  const { context, page } = await visit(browser, origin, { javaScriptEnabled: false });
  await signInAs(page, origin, "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  await switchTo(page, "Beta Bakery");
  check("sign-in and switch work without script", (await rows(page)).includes(BETA));
  await page.setViewportSize({ width: 320, height: 640 });
  const menu = page.locator("details.more");
  await menu.locator("summary").click();
  await follow(menu.getByRole("link", { name: "Your access" }));
  equal("and so does the menu of pages in a narrow window", await heading(page), "Your access");
  await context.close();
}

// A page of another port is another origin of the same site: SameSite does not stop its forms.
async function otherSites(browser, { origin }) {
  const { context, page } = await visit(browser, origin);
  await signInAs(page, origin, "Cleo Castillo");
  await page.waitForURL(`${origin}/projects`);
  const before = await cookies(context);
  for (const [what, path, fields] of [
    ["add a project", "/projects", { tenant: "T2beta", name: "Planted" }],
    ["switch the company", "/v1/auth/tenant/select", { tenant: "T2beta" }],
    ["sign anybody out", "/sign-out", {}],
    ["sign anybody out everywhere", "/sign-out/everywhere", {}],
    ["sign anybody in", "/sign-in", { login: "ben@acme.test" }],
  ]) {
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
    const html = `<form method="post" action="${origin}${path}">${inputs.join("")}<button>Go</button></form>`;
    const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const answered = page.waitForResponse((response) => response.url() === `${origin}${path}`);
    await follow(page.getByRole("button", { name: "Go" }));
    equal(`a form of another port may not ${what}`, (await answered).status(), 403);
    if (path === "/projects") await shoot(page, "15-cross-site");
    server.closeAllConnections();
    server.close();
  }
  check("and changes no cookie", JSON.stringify(await cookies(context)) === JSON.stringify(before));
  await page.goto(`${origin}/projects`);
  check("nor any row", !(await rows(page)).includes("Planted"));
  await page.goto(`${origin}/sign-in?next=//evil.test/&why=x`);
  equal("a next page of another site is not followed", await page.locator("input[name=next]").getAttribute("value"), "/projects");
  await context.close();
}

// The company in the address: two tabs, two companies, each writing into its own.
async function byAddress(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  await signInAs(page, origin, "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  const before = await cookies(context);
  const [acme, beta] = [await context.newPage(), await context.newPage()];
  await acme.goto(`${origin}/t/T2acme/projects`);
  await beta.goto(`${origin}/t/T2beta/projects`);
  check("one tab shows Acme", (await rows(acme)).includes(ACME) && !(await rows(acme)).includes(BETA));
  check("the other shows Beta", (await rows(beta)).includes(BETA) && !(await rows(beta)).includes(ACME));
  await beta.getByLabel("Name").fill("Panini press");
  await follow(beta.getByRole("button", { name: "Add to Beta Bakery" }));
  await acme.getByLabel("Name").fill("Servo tests");
  await follow(acme.getByRole("button", { name: "Add to Acme Robotics" }));
  equal("each tab stays where it is", [acme.url(), beta.url()], [`${origin}/t/T2acme/projects`, `${origin}/t/T2beta/projects`]);
  equal("and has written into its own company", [(await rows(acme))[0], (await rows(beta))[0]], ["Servo tests", "Panini press"]);
  check("and not into the other", !(await rows(acme)).includes("Panini press") && !(await rows(beta)).includes("Servo tests"));
  equal("no cookie has changed", await cookies(context), before);
  await shoot(beta, "24-by-address");
  const stranger = await page.goto(`${origin}/t/T2gamma/projects`);
  equal("a company that is not one's own is refused", [stranger.status(), await heading(page)], [403, "Choose a company first"]);

  await page.goto(`${origin}/at/T2acme/projects`);
  check("where the company has to be the active one, its page opens", (await rows(page)).includes(ACME));
  await page.goto(`${origin}/at/T2beta/projects`);
  equal("another one's leads to the switch", page.url(), `${origin}/switch?tenant=T2beta&return_to=%2Fat%2FT2beta%2Fprojects`);
  equal("which nobody has made yet", await cookies(context), before);
  await shoot(page, "25-switch");
  await follow(page.getByRole("button", { name: "Switch to Beta Bakery" }));
  await page.waitForURL(`${origin}/at/T2beta/projects`);
  check("and back to the page", (await rows(page)).includes(BETA));
  const program = await page.evaluate(async () => {
    const answer = await fetch("/at/T2acme/projects", { headers: { accept: "application/json" } });
    return [answer.status, answer.headers.get("x-descope-rejection")];
  });
  equal("a program is told so", program, [409, "other_tenant"]);
  await page.goto(`${origin}/switch?tenant=${encodeURIComponent(`"><b>x`)}&return_to=//evil.test/`);
  equal("what stands in a link is text", [await page.locator("main b").count(), await page.locator("main input[name=return_to]").getAttribute("value")], [0, "/projects"]);
  equal("no page complained", complaints, []);
  await context.close();
}

// Somebody works in Ann's place, and each page says so.
async function helpDesk(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  await page.goto(`${origin}/sign-in`);
  await follow(page.getByRole("button", { name: "Help desk" }));
  await page.waitForURL(`${origin}/projects`);
  const says = () => page.getByRole("note").innerText();
  check("who works in another's place is told so", (await says()).startsWith("Sam of the help desk is working in the place of Ann Archer."), await says());
  await shoot(page, "26-help-desk");
  await switchTo(page, "Beta Bakery");
  check("after a switch, too", (await says()).includes("Ann Archer"));
  await follow(page.getByRole("button", { name: "Sign out" }));
  await signInAs(page, origin, "Ann Archer");
  equal("Ann's own session says nothing of it", await page.getByRole("note").count(), 0);
  equal("no page complained", complaints, []);
  await context.close();
}

// Safari keeps no Secure cookie of 127.0.0.1; Chromium does, so they are taken away here.
async function lostCookies(browser, { origin }) {
  const { context, page } = await visit(browser, origin);
  await page.route(`${origin}/sign-in`, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const response = await route.fetch({ maxRedirects: 0 });
    await context.clearCookies();
    const { "set-cookie": _, ...headers } = response.headers();
    return route.fulfill({ status: response.status(), headers });
  });
  await signInAs(page, origin, "Ann Archer");
  equal("lost cookies are noticed", await heading(page), "Your browser did not keep the cookies");
  check("and the switch is named", (await page.locator("pre").innerText()).includes("DEMO_INSECURE_COOKIES=1"));
  await shoot(page, "16-lost-cookies");
  await context.close();
}

// As with a project of one's own: sign-in by a code that was sent by e-mail.
async function ownProject(browser, { fake }) {
  const demo = await startDemo({
    DESCOPE_PROJECT_ID: "P2fakeFakeFakeFakeFakeFak000",
    DESCOPE_BASE_URI: fake,
  });
  const { origin } = demo;
  const { context, page } = await visit(browser, origin);
  await page.goto(origin);
  equal("with an own project nobody is made up", await page.getByText("Ann").count(), 0);
  await page.goto(`${origin}/access`);
  await page.getByLabel("E-mail address").fill("ben@acme.test");
  await shoot(page, "21-own-project");
  await follow(page.getByRole("button", { name: "Send the code" }));
  equal("a code is asked for", await heading(page), "Check your mail");
  await page.getByLabel("Code").fill("000000");
  await follow(page.getByRole("button", { name: "Sign in" }));
  check("a wrong code is refused", (await page.getByRole("alert").innerText()).startsWith("Descope refused that."));
  await shoot(page, "22-code");
  await page.getByLabel("Code").fill(" 123456 ");
  await follow(page.getByRole("button", { name: "Sign in" }));
  await page.waitForURL(`${origin}/access`);
  equal("the right one leads to the page asked for", await rows(page), ["Acme Robotics", "Beta Bakery"]);
  await follow(page.getByRole("button", { name: "Sign out", exact: true }));
  await page.getByLabel("E-mail address").fill("new@acme.test");
  await follow(page.getByRole("button", { name: "Send the code" }));
  await page.getByLabel("Code").fill("123456");
  await follow(page.getByRole("button", { name: "Sign in" }));
  equal("who belongs to no company is told so", await heading(page), "You belong to no company yet");
  await shoot(page, "23-no-company");
  await context.close();
  demo.stop();
}

// Sessions of three seconds: people stay signed in, with new cookies.
async function renewal(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  const foot = () => page.locator("#session").innerText();
  await signInAs(page, origin, "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  check("a session that was not renewed does not say so", /^Session: /.test(await foot()), await foot());
  const before = await cookies(context);
  await page.waitForTimeout(OVER);
  equal("the page says that the session has run out", await foot(), "Session: run out; the next click renews it.");

  const answer = await page.goto(`${origin}/access`);
  equal("the next page needs no sign-in", [answer.status(), page.url(), await heading(page)], [200, `${origin}/access`, "Your access"]);
  await checkCookies(context, answer, before, PREFIXED);
  check("the page is of the new session", /^Session renewed once, (\d s left|run out; the next click renews it)\.$/.test(await foot()), await foot());
  await shoot(page, "17-renewed");
  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });

  // Two tabs, after the end of the session both have: one switches while the other loads.
  const other = await context.newPage();
  await page.goto(`${origin}/projects`);
  await other.goto(`${origin}/projects`);
  await page.waitForTimeout(OVER);
  const [switched, loaded] = await Promise.all([switchTo(page, "Beta Bakery"), other.reload()]);
  equal("a switch and a renewal at once both succeed", [switched.status(), loaded.status(), other.url()], [303, 200, `${origin}/projects`]);
  for (const tab of [page, other]) {
    await tab.goto(`${origin}/projects`);
    equal("both tabs are at Beta then", [await tab.locator("body").getAttribute("data-accent"), (await rows(tab)).includes(BETA)], ["1", true]);
  }
  await page.waitForTimeout(OVER);
  await page.getByLabel("Name").fill("Sourdough course");
  await follow(page.getByRole("button", { name: "Add to Beta Bakery" }));
  check("a form that was sent too late is not lost", (await rows(page))[0] === "Sourdough course");
  equal("no page complained", complaints, []);
  await context.close();
}

// Cleo at three browsers; one of them signs her out everywhere, while she types at the third.
async function everywhere(browser, { origin }) {
  const [here, elsewhere, typing] = [await visit(browser, origin), await visit(browser, origin), await visit(browser, origin)];
  for (const { page } of [here, elsewhere, typing]) {
    await signInAs(page, origin, "Cleo Castillo");
    await page.waitForURL(`${origin}/projects`);
  }
  const typed = `Panettone, "Milano" & co`;
  await typing.page.getByLabel("Name").fill(typed);
  const tab = await here.context.newPage();
  await here.page.goto(`${origin}/access`);
  await follow(here.page.getByRole("button", { name: "Sign out everywhere" }));
  check("signing out everywhere says so", (await here.page.getByRole("status").innerText()).startsWith("You are signed out everywhere."));
  await shoot(here.page, "18-signed-out-everywhere");
  equal("and leaves no cookie", Object.keys(await cookies(here.context)), []);
  await tab.goto(`${origin}/projects`);
  check("another tab is signed out at once", tab.url().startsWith(`${origin}/sign-in?`), tab.url());

  const { page, context } = elsewhere;
  await page.waitForTimeout(OVER);
  await page.goto(`${origin}/access`);
  equal("another browser is signed out at its next renewal", page.url(), `${origin}/sign-in?why=expired_token&next=/access`);
  check("and is told why", (await page.getByRole("alert").innerText()).startsWith("Your session is over:"));
  equal("its cookies are removed", Object.keys(await cookies(context)), []);
  await shoot(page, "19-over");
  const home = await page.goto(`${origin}/`);
  equal("public pages stay open", [home.status(), await heading(page)], [200, "One sign-in, several companies, no mixed-up data."]);
  await page.goto(`${origin}/access`);
  await follow(page.getByRole("button", { name: "Cleo Castillo" }));
  equal("signing in again leads back to the page", page.url(), `${origin}/access`);
  await follow(typing.page.getByRole("button", { name: "Add to Beta Bakery" }));
  check("a form that is sent after a sign-out elsewhere leads to sign-in", typing.page.url().startsWith(`${origin}/sign-in?why=expired_token&next=`), typing.page.url());
  await follow(typing.page.getByRole("button", { name: "Cleo Castillo" }));
  equal("and comes back with what was typed", await typing.page.getByLabel("Name").inputValue(), typed);
  await follow(typing.page.getByRole("button", { name: "Add to Beta Bakery" }));
  equal("which can be sent then", (await rows(typing.page))[0], typed);

  for (const { complaints } of [here, elsewhere, typing]) equal("no page complained", complaints, []);
  await typing.context.close();
  await here.context.close();
  await context.close();
}

// The fake of one demo stands in for the project of another, and goes away.
async function outage(browser, brief) {
  const demo = await startDemo({
    DESCOPE_PROJECT_ID: "P2fakeFakeFakeFakeFakeFak000",
    DESCOPE_BASE_URI: brief.fake,
  });
  const { origin } = demo;
  const { context, page } = await visit(browser, origin);
  await page.goto(`${origin}/access`);
  await page.getByLabel("E-mail address").fill("cleo@beta.test");
  await follow(page.getByRole("button", { name: "Send the code" }));
  await page.getByLabel("Code").fill("123456");
  await follow(page.getByRole("button", { name: "Sign in" }));
  await page.waitForURL(`${origin}/access`);
  const open = await context.newPage();
  await open.goto(`${origin}/access`);
  brief.stop();
  const before = await cookies(context);
  await page.waitForTimeout(OVER);
  const answer = await page.goto(`${origin}/access`);
  equal("without Descope nobody is signed out", [answer.status(), answer.headers()["x-descope-rejection"], await heading(page)], [503, "renewal_unavailable", "Your session cannot be renewed just now"]);
  equal("and every cookie stays", await cookies(context), before);
  equal("the page leads back to itself", await page.getByRole("link", { name: "Try again" }).getAttribute("href"), "/access");
  await shoot(page, "20-outage");
  await follow(open.getByRole("button", { name: "Sign out everywhere" }));
  check("a sign-out that Descope did not hear of says so", (await open.getByRole("alert").innerText()).startsWith("You are signed out in this browser. Others may"));
  equal("and leaves no cookie here", Object.keys(await cookies(context)), []);
  await context.close();
  demo.stop();
}
