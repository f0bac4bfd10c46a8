// Descope's own browser SDK, unchanged, on pages of the demo: it finds `SessionRoutes` at /v1/auth
// and does all its session calls with nothing but HttpOnly cookies.

import path from "node:path";

import {
  check,
  cookies,
  equal,
  follow,
  main,
  readable,
  rows,
  signInAs,
  startChromium,
  startDemo,
  visit,
  work,
} from "./lib.mjs";

const BUNDLE = path.join(work, "node_modules/@descope/web-js-sdk/dist/index.umd.js");
const PROJECT = "P2fakeFakeFakeFakeFakeFak000";

main(180, async () => {
  const browser = await startChromium();
  for (const [style, env, names] of [
    ["__Host- names", {}, ["__Host-DS", "__Host-DSR"]],
    ["plain names", { DEMO_COOKIE_NAMES: "plain" }, ["DS", "DSR"]],
  ]) {
    console.log(`\n# ${style}`);
    const demo = await startDemo(env);
    await calls(browser, demo, names);
    await tabs(browser, demo);
    await byItself(browser, demo);
    demo.stop();
  }
  await browser.close();
});

// Ann at Acme Robotics. The SDK is brought in from outside, so the page's own policy must not apply
// to it.
async function ann(browser, origin) {
  const visitor = await visit(browser, origin, { bypassCSP: true });
  await signInAs(visitor.page, origin, "Ann Archer");
  await follow(visitor.page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await visitor.page.waitForURL(`${origin}/projects`);
  return visitor;
}

// Makes `window.sdk`, and `window.events` of what it tells the page.
async function load(page, options = {}) {
  await page.addScriptTag({ path: BUNDLE });
  await page.evaluate(
    ([projectId, options]) => {
      const sdk = window.Descope({
        projectId,
        baseUrl: location.origin,
        persistTokens: false,
        autoRefresh: true,
        storeLastAuthenticatedUser: false,
        ...options,
      });
      const events = { claims: [], user: [], authenticated: [], tokens: [] };
      sdk.onClaimsChange((claims) => events.claims.push(claims?.dct ?? null));
      sdk.onUserChange((user) => events.user.push(user?.userId ?? null));
      sdk.onIsAuthenticatedChange((is) => events.authenticated.push(is));
      sdk.onSessionTokenChange((token) => token && events.tokens.push(token));
      Object.assign(window, { sdk, events });
    },
    [PROJECT, options],
  );
}

// One call of the SDK: its answer, what the page was told meanwhile, and the request if one was
// made.
async function call(page, method, ...args) {
  const requests = [];
  const note = (request) => request.url().includes("/v1/") && requests.push(request);
  page.on("request", note);
  const result = await page.evaluate(
    async ([method, args]) => {
      for (const list of Object.values(window.events)) list.length = 0;
      // `undefined` does not come through as it is.
      const { ok, code, data, error } = await window.sdk[method](...args.map((arg) => arg ?? undefined));
      return { ok, code, data, error, events: structuredClone(window.events) };
    },
    [method, args],
  );
  page.off("request", note);
  const paths = requests.map((request) => `${request.method()} ${new URL(request.url()).pathname}`);
  const bearer = requests.length ? (await requests[0].allHeaders()).authorization : undefined;
  const answer = requests.length ? await (await requests[0].response()).text() : "";
  return { ...result, paths, bearer, leaks: answer.includes("eyJ") };
}

async function calls(browser, { origin }, names) {
  const { context, page, complaints, strangers } = await ann(browser, origin);
  await load(page);
  let last = await cookies(context);
  const renewed = async (what) => {
    const now = await cookies(context);
    for (const name of names) {
      const { value, httpOnly, secure } = now[name] ?? {};
      check(`${what}: ${name} is new, HttpOnly and Secure`, value !== last[name].value && httpOnly && secure);
    }
    last = now;
  };
  const expiry = (data) => {
    const left = (data?.sessionExpiration ?? 0) - Date.now() / 1000;
    return Number.isInteger(data?.sessionExpiration) && left > 60 && left <= 600;
  };

  check("the page has set the SDK's mark of a session", await page.evaluate(() => localStorage.getItem("DSLI")));
  let result = await call(page, "refresh", null, true);
  equal("refresh(undefined, true) asks try-refresh", [result.ok, result.code, result.paths], [true, 200, ["POST /v1/auth/try-refresh"]]);
  equal("with the project id, not a token", result.bearer, `Bearer ${PROJECT}`);
  equal("the page is told claims, user and that it is signed in", [result.events.claims, result.events.user, result.events.authenticated], [["T2acme"], ["U2ann"], [true]]);
  check("the expiry is in whole seconds, ahead", expiry(result.data), JSON.stringify(result.data?.sessionExpiration));
  check("the answer has no token", !result.leaks && result.events.tokens.length === 0);
  await renewed("try-refresh");

  result = await call(page, "refresh");
  equal("refresh()", [result.ok, result.paths, result.data?.claims?.dct, expiry(result.data)], [true, ["POST /v1/auth/refresh"], "T2acme", true]);
  await renewed("refresh");

  result = await call(page, "selectTenant", "T2beta");
  equal("selectTenant()", [result.ok, result.paths, result.data?.claims?.dct, expiry(result.data)], [true, ["POST /v1/auth/tenant/select"], "T2beta", true]);
  equal("the page is told the new tenant", [result.events.claims.at(-1), result.events.user.at(-1), result.leaks], ["T2beta", "U2ann", false]);
  await renewed("selectTenant");
  result = await call(page, "selectTenant", "T2nobody");
  equal("a tenant of others is refused, and nothing changes", [result.ok, result.code, result.events.authenticated], [false, 403, []]);
  check("with an error that the SDK understands", result.error?.errorCode && result.error?.errorDescription, JSON.stringify(result.error));

  result = await call(page, "me");
  equal("me()", [result.ok, result.paths, result.data?.userId, result.data?.name, result.events.user, result.leaks], [true, ["GET /v1/auth/me"], "U2ann", "Ann Archer", ["U2ann"], false]);
  result = await call(page, "myTenants", true);
  equal("myTenants(true) is the current one", [result.ok, result.paths, result.data?.tenants?.map(({ id }) => id)], [true, ["POST /v1/auth/me/tenants"], ["T2beta"]]);
  result = await call(page, "myTenants", ["T2acme", "T2beta"]);
  equal("myTenants([…]) are those", result.data?.tenants?.map(({ name }) => name).sort(), ["Acme Robotics", "Beta Bakery"]);
  result = await call(page, "history");
  check("history() is a list of sign-ins", result.ok && Array.isArray(result.data) && result.data.length > 0 && !result.leaks, JSON.stringify(result.data));
  check("calls that only read leave the cookies alone", JSON.stringify(await cookies(context)) === JSON.stringify(last));

  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });
  await page.reload();
  check("after a reload the page shows the tenant", (await rows(page)).includes("Christmas stollen 2026"));

  // What an older deployment may have left behind: a token that the SDK sends beside the cookies.
  await page.evaluate(() => localStorage.setItem("DSR", "garbage"));
  await load(page, { persistTokens: true });
  result = await call(page, "refresh");
  equal("a stale token in the header loses against the cookie", [result.ok, result.bearer, result.data?.claims?.dct], [true, `Bearer ${PROJECT}:garbage`, "T2beta"]);
  await renewed("refresh beside a stale token");
  await page.evaluate(() => localStorage.removeItem("DSR"));

  await page.reload();
  await load(page);
  await call(page, "refresh");
  result = await call(page, "logout");
  equal("logout()", [result.ok, result.code, result.paths], [true, 200, ["POST /v1/auth/logout"]]);
  equal("the page is told that it is signed out", [result.events.claims.at(-1), result.events.user.at(-1), result.events.authenticated.at(-1)], [null, null, false]);
  equal("no cookie is left, and no mark", [Object.keys(await cookies(context)), await page.evaluate(() => localStorage.getItem("DSLI"))], [[], null]);
  result = await call(page, "refresh");
  equal("refresh() after it is refused", [result.ok, result.code], [false, 401]);
  result = await call(page, "refresh", null, true);
  equal("and try-refresh is not even asked", [result.ok, result.paths], [true, []]);
  // The tokens of before, put back by hand: Descope knows that their session is over.
  await context.addCookies(Object.values(last));
  result = await call(page, "refresh");
  equal("Descope was told: the old refresh token renews nothing", [result.ok, result.code], [false, 401]);
  equal("no page complained", complaints, []);
  equal("no other server was asked", [...strangers], []);
  await context.close();
}

// One tab switches the tenant; the other knows nothing of it, and keeps working.
async function tabs(browser, { origin }) {
  const { context, page, complaints } = await ann(browser, origin);
  const other = await context.newPage();
  await other.goto(`${origin}/projects`);
  for (const tab of [page, other]) {
    await load(tab);
    await call(tab, "refresh");
  }
  const both = await Promise.all([call(page, "selectTenant", "T2beta"), call(other, "refresh"), call(other, "me")]);
  equal("a switch in one tab and calls in the other at once", both.map(({ ok, code }) => [ok, code]), [[true, 200], [true, 200], [true, 200]]);
  const result = await call(other, "refresh");
  equal("the other tab is told the tenant at its next refresh", [result.ok, result.events.claims, result.events.authenticated.includes(false)], [true, ["T2beta"], false]);
  await other.reload();
  check("and shows it", (await rows(other)).includes("Christmas stollen 2026"));

  await load(other);
  await call(other, "refresh");
  const gone = await call(page, "logoutAll");
  equal("logoutAll()", [gone.ok, gone.code, Object.keys(await cookies(context))], [true, 200, []]);
  const last = await call(other, "me");
  equal("signs the other tab out at its next call", [last.ok, last.code, last.events.authenticated], [false, 401, [false]]);
  equal("no page complained", complaints, []);
  await context.close();
}

// The SDK's own timer, by the page's clock: 20 seconds before the session's end.
async function byItself(browser, { origin }) {
  const { context, page, complaints } = await ann(browser, origin);
  await page.clock.install();
  await page.reload();
  await load(page);
  await call(page, "refresh");
  const before = await cookies(context);
  const answered = page.waitForResponse((response) => response.url().includes("/v1/auth/refresh"));
  await page.clock.fastForward(585_000);
  equal("the SDK refreshes by itself", (await answered).status(), 200);
  await page.waitForFunction(() => window.events.claims.length > 1);
  const after = await cookies(context);
  // The third says that Ann stays signed in, which stays true.
  const pair = Object.keys(before).filter((name) => !name.endsWith("-R"));
  check("and the cookies are new", pair.length === 2 && pair.every((name) => before[name].value !== after[name].value));
  equal("no page complained", complaints, []);
  await context.close();
}
