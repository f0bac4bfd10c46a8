// What people do on the way: go back, reload, use two tabs, give up, and lend a link.

import { attempts, back, check, choose, cookies, equal, follow, heading, who } from "./sign_in.mjs";
import { screenshot } from "./lib.mjs";

export async function journeys(bed) {
  const demo = await bed.demo();
  await givingUp(bed, demo);
  await goingBack(demo);
  await reloading(demo);
  await tabs(demo);
  await lent(bed, demo);
  await demo.stop();
  const fresh = await bed.demo();
  await many(fresh);
  await fresh.stop();
}

const google = async ({ origin, page }, next = "/access") => {
  await page.goto(`${origin}/sign-in?next=${next}`);
  await follow(page.getByRole("link", { name: "Sign in with Google" }));
};

const problem = (page) => page.getByRole("alert").innerText();

// "Do not sign in", back, and then after all.
async function givingUp(bed, { origin, world, visitor }) {
  const { context, page } = await visitor();
  await google({ origin, page });
  equal("an attempt has a cookie", (await attempts(context)).length, 1);
  await choose(page, world, "Do not sign in");
  equal("who does not sign in is led to the sign-in page", page.url(), `${origin}/sign-in?sign_in_error=idp_refused`);
  check("and told so", (await problem(page)).length > 10, await problem(page));
  equal("nobody is signed in, and no attempt is left", Object.keys(await cookies(context)), []);
  await page.screenshot({ path: screenshot(`sign-in-${bed.mode}-failure`) });
  await page.goBack();
  check("back after a failure is the identity provider", page.url().startsWith(world.idp), page.url());
  await back(page, "Ann Archer");
  equal("whose way back is over", page.url(), `${origin}/sign-in?sign_in_error=no_attempt`);
  await page.goBack();
  await page.goBack();
  equal("further back is the sign-in page", new URL(page.url()).pathname, "/sign-in");
  await follow(page.getByRole("link", { name: "Sign in with Google" }));
  await choose(page, world, "Ann Archer");
  await page.waitForURL(`${origin}/access`);
  equal("and from there it works", await heading(page), "Your access");
}

// Back after success.
async function goingBack({ origin, world, visitor }) {
  const visitor_ = await visitor();
  const { context, page } = visitor_;
  await google({ origin, page });
  await choose(page, world, "Ann Archer");
  await page.waitForURL(`${origin}/access`);
  const before = await cookies(context);
  const first = world.requests.length;
  await page.goBack();
  check("back after success is the identity provider, not the way back", page.url().startsWith(world.idp), page.url());
  equal("the way back is not asked for again", world.at("/auth/callback", first).length, 0);
  await back(page, "Ben Osei");
  check("choosing somebody else there says that one is signed in, or leads on", !page.url().includes("sign_in_error") || (await heading(page)) === "You are signed in already", `${page.url()}: ${await heading(page)}`);
  equal("and nobody becomes somebody else", await who(visitor_, origin), "U2ann");
  equal("no cookie has changed", await cookies(context), before);
}

// An answer to the way back that gets lost.
async function reloading({ origin, world, visitor }) {
  const visitor_ = await visitor();
  const { context, page } = visitor_;
  await google({ origin, page });
  world.lose("/auth/callback");
  await page.getByRole("link", { name: "Ann Archer" }).click();
  await page.waitForURL((url) => url.protocol === "chrome-error:" || url.pathname === "/auth/callback").catch(() => {});
  await page.waitForTimeout(500);
  const lost = world.at("/auth/callback").at(-1);
  check("there is a way back whose answer gets lost", lost?.status < 400, lost?.status);
  equal("which signs nobody in yet", (await cookies(context))["__Host-DS"], undefined);
  world.lose();
  await page.reload().catch(() => {});
  await page.waitForURL(`${origin}/access`);
  equal("a reload of it does", [await heading(page), await who(visitor_, origin)], ["Your access", "U2ann"]);
  equal("and leaves no attempt", await attempts(context), []);
  // Now that all is over, by its address once more.
  await page.goto(lost.url);
  await page.waitForURL((url) => url.pathname !== "/auth/callback");
  equal("opened again, it leads on", page.url(), `${origin}/tenants?next=/projects`);
  equal("whoever is signed in stays so", await who(visitor_, origin), "U2ann");
}

// Two companies in two tabs, ended in either order: the last one holds.
async function tabs({ origin, world, visitor }) {
  for (const order of [[0, 1], [1, 0]]) {
    const { context, page } = await visitor();
    const both = [[page, "T2acme", "Acme Robotics"], [await context.newPage(), "T2beta", "Beta Bakery"]];
    for (const [tab, tenant] of both) await tab.goto(`${origin}/auth/sso?tenant=${tenant}&return_to=/projects`);
    equal("two tabs, two attempts", (await attempts(context)).length, 2);
    for (const at of order) {
      const [tab, , company] = both[at];
      await choose(tab, world, "Ann Archer");
      await tab.waitForURL(`${origin}/projects`);
      check(`the tab of ${company} ends there`, (await tab.locator("details.company summary").innerText()).includes(company));
    }
    equal("no attempt is left", await attempts(context), []);
    const [first] = both[order[0]];
    await first.reload();
    check("the other tab follows", (await first.locator("details.company summary").innerText()).includes(both[order[1]][2]));
  }
}

// The address of a way back in other browsers, before and after its own has used it.
async function lent(bed, { origin, world, visitor }) {
  const own = await visitor();
  await google({ origin, page: own.page });
  const choice = new URL(await own.page.getByRole("link", { name: "Ann Archer" }).getAttribute("href"), own.page.url());
  const answer = await fetch(String(choice).replace("idp.localhost", "127.0.0.1"), { redirect: "manual" });
  const address = answer.headers.get("location");
  check("a way back has a code and a state", /[?&]code=/.test(address) && /[?&]state=/.test(address), address);

  const ben = await visitor();
  await google({ origin, page: ben.page });
  await choose(ben.page, world, "Ben Osei");
  await ben.page.waitForURL(`${origin}/access`);
  const bens = await cookies(ben.context);
  world.pages.set("http://evil.localhost/lent", `<a href="${address.replaceAll("&", "&amp;")}">Look</a>`);
  const elsewhere = async (when) => {
    for (const [how, open] of [
      ["typed", (page) => page.goto(address)],
      ["by a link", async (page) => (await page.goto("http://evil.localhost/lent"), follow(page.getByRole("link", { name: "Look" })))],
    ]) {
      const stranger = await visitor();
      await open(stranger.page);
      await stranger.page.waitForURL((url) => url.pathname !== "/auth/callback");
      equal(`${when}, ${how}, in a browser of nobody: a failure`, stranger.page.url(), `${origin}/sign-in?sign_in_error=no_attempt`);
      equal(`${when}, ${how}: nobody is signed in there`, Object.keys(await cookies(stranger.context)), []);
      await open(ben.page);
      await ben.page.waitForURL((url) => url.pathname !== "/auth/callback");
      const shown = await heading(ben.page);
      check(`${when}, ${how}, in Ben's: led on, or told that he is signed in`, !ben.page.url().includes("sign_in_error") || shown === "You are signed in already", `${ben.page.url()}: ${shown}`);
      equal(`${when}, ${how}: he stays who he is`, [await who(ben, origin), await cookies(ben.context)], ["U2ben", bens]);
    }
  };
  await elsewhere("before its use");
  await own.page.goto(address);
  await own.page.waitForURL(`${origin}/access`);
  equal("in its own browser it works", await who(own, origin), "U2ann");
  await elsewhere("after its use");
}

// Forty that nobody ends, then one that works.
async function many({ origin, world, visitor }) {
  const visitor_ = await visitor();
  const { context, page } = visitor_;
  for (let at = 0; at < 40; at += 1) await page.goto(`${origin}/auth/sso?tenant=T2acme&return_to=/access?${at}`);
  const kept = Object.values(await cookies(context)).filter(({ name }) => name.includes("DSX-"));
  const bytes = kept.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  check(`of 40 attempts at most 8 are kept, in 3,500 bytes`, kept.length <= 8 && kept.length > 1 && bytes <= 3_500, `${kept.length}, ${bytes} bytes`);
  await google({ origin, page });
  await choose(page, world, "Ann Archer");
  await page.waitForURL(`${origin}/access`);
  equal("the one after them works", await who(visitor_, origin), "U2ann");
  const refused = world.requests.filter(({ status, path }) => status >= 400 && path !== "/favicon.ico");
  equal("and none was refused", refused.map(({ status, url }) => [status, url]), []);
}
