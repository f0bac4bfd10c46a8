// Descope's own browser SDK, unchanged, on a page of the demo: it finds `SelectTenant` at
// /v1/auth/tenant/select and switches with nothing but HttpOnly cookies.

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

main(120, async () => {
  const browser = await startChromium();
  for (const [style, env, names] of [
    ["__Host- names", {}, ["__Host-DS", "__Host-DSR"]],
    ["plain names", { DEMO_COOKIE_NAMES: "plain" }, ["DS", "DSR"]],
  ]) {
    console.log(`\n# ${style}`);
    const demo = await startDemo(env);
    await sdk(browser, demo, names);
    demo.stop();
  }
  await browser.close();
});

async function sdk(browser, { origin }, names) {
  // The SDK is brought in from outside, so the page's own policy must not apply to it.
  const { context, page, complaints, strangers } = await visit(browser, origin, { bypassCSP: true });
  await signInAs(page, origin, "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  const before = await cookies(context);

  await page.addScriptTag({ path: BUNDLE });
  const asked = page.waitForRequest((request) => request.url().includes("/v1/auth/tenant/select"));
  const result = await page.evaluate(async () => {
    const sdk = window.Descope({
      projectId: "P2fakeFakeFakeFakeFakeFak000",
      baseUrl: location.origin,
      persistTokens: false,
      autoRefresh: true,
      storeLastAuthenticatedUser: false,
    });
    const events = { claims: [], user: [], authenticated: [], session: [] };
    sdk.onClaimsChange?.((claims) => events.claims.push(claims?.dct ?? null));
    sdk.onUserChange?.((user) => events.user.push(user?.userId ?? null));
    sdk.onIsAuthenticatedChange?.((is) => events.authenticated.push(is));
    sdk.onSessionTokenChange?.((token) => events.session.push(token));
    const good = await sdk.selectTenant("T2beta");
    const seen = structuredClone(events);
    const bad = await sdk.selectTenant("T2nobody");
    return {
      good: { ok: good.ok, code: good.code, data: good.data },
      bad: { ok: bad.ok, code: bad.code, error: bad.error },
      seen,
      after: events,
    };
  });
  const request = await asked;
  equal("the SDK sends the project id, not a token", (await request.allHeaders()).authorization, "Bearer P2fakeFakeFakeFakeFakeFak000");
  equal("selectTenant is ok", [result.good.ok, result.good.code], [true, 200]);
  equal("the claims in the answer name the tenant", result.good.data?.claims?.dct, "T2beta");
  equal("and the answer has no token", [result.good.data?.sessionJwt || "", result.good.data?.refreshJwt || ""], ["", ""]);
  const left = (result.good.data?.sessionExpiration ?? 0) - Date.now() / 1000;
  check("the expiry is in whole seconds, ahead", Number.isInteger(result.good.data?.sessionExpiration) && left > 60 && left <= 600, `${left} s`);
  equal("the SDK tells the page", [result.seen.claims.at(-1), result.seen.user.at(-1), result.seen.authenticated.at(-1)], ["T2beta", "U2ann", true]);
  equal("and hands it no token", result.after.session.filter(Boolean), []);
  equal("a tenant of others is refused", [result.bad.ok, result.bad.code], [false, 403]);
  check("with an error that the SDK understands", result.bad.error?.errorCode && result.bad.error?.errorDescription, JSON.stringify(result.bad.error));

  const after = await cookies(context);
  for (const name of names) {
    check(`${name} is new, HttpOnly and Secure`, after[name]?.value !== before[name].value && after[name]?.httpOnly && after[name]?.secure);
  }
  equal("scripts can read no cookie and no token", await readable(page), { cookie: "", tokens: false });
  check("the SDK keeps its mark of a session", await page.evaluate(() => localStorage.getItem("DSLI")));
  await page.reload();
  check("after a reload the page shows the tenant", (await rows(page)).includes("Christmas stollen 2026"));
  equal("no page complained", complaints, []);
  equal("no other server was asked", [...strangers], []);
  await context.close();
}
