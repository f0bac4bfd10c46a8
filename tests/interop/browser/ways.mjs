// Every way in: to the page that was wanted, and with what a visitor has noted.

import { attempts, check, choose, cookies, equal, follow, heading, who } from "./sign_in.mjs";
import { screenshot } from "./lib.mjs";

// A form of the demo's own site for single sign-on by an address.
export const FORM = "/-/single-sign-on";
const form = (next) =>
  `<form method="post" action="/auth/sso"><input name="email" value="ann@acme.test"><input name="return_to" value="${next}"><button>Continue</button></form>`;

// From the sign-in page to the end.
const WAYS = {
  "a code": async ({ page, name }) => follow(page.getByRole("button", { name })),
  "Google's link": async ({ page, world, name }) => {
    await follow(page.getByRole("link", { name: "Sign in with Google" }));
    await choose(page, world, name);
  },
  "the company's link": async ({ page, world, name }) => {
    await follow(page.getByRole("link", { name: "single sign-on" }));
    await choose(page, world, name);
  },
  "a form with an address": async ({ page, world, name, next }) => {
    world.pages.set(world.app + FORM, form(next));
    await page.goto(world.app + FORM);
    await follow(page.getByRole("button", { name: "Continue" }));
    await choose(page, world, name);
  },
};

export async function ways(bed) {
  const demo = await bed.demo();
  const { origin, world } = demo;
  for (const [name, way] of Object.entries(WAYS)) {
    const visitor = await demo.visitor();
    const { context, page } = visitor;
    await page.goto(`${origin}/access`);
    equal(`${name}: who is not signed in is asked to`, page.url(), `${origin}/sign-in?why=missing_token&next=/access`);
    await way({ page, world, name: "Ann Archer", next: "/access" });
    await page.waitForURL(`${origin}/access`);
    equal(`${name}: the page that was wanted is there, signed in`, await heading(page), "Your access");
    equal(`${name}: as who was chosen`, await who(visitor, origin), "U2ann");
    equal(`${name}: no attempt is left`, await attempts(context), []);
    const kept = await cookies(context);
    for (const session of ["__Host-DS", "__Host-DSR"]) {
      equal(`${name}: ${session} as the demo wants it`, [kept[session]?.httpOnly, kept[session]?.secure, kept[session]?.sameSite.toLowerCase()], [true, true, bed.mode]);
    }
    check(`${name}: no page's address has a code in it`, !/code=|state=/.test(page.url()));
    check(`${name}: no answer has a token in it`, !world.requests.some(({ answer }) => /eyJ/.test(answer?.location)));
    if (name === "Google's link") await page.screenshot({ path: screenshot(`sign-in-${bed.mode}-done`) });
    await page.reload();
    equal(`${name}: after a reload, too`, await heading(page), "Your access");
  }
  const callbacks = world.at("/auth/callback");
  const here = callbacks.filter(({ url }) => url.includes("once_more"));
  const there = callbacks.filter((callback) => !here.includes(callback));
  const from = (some) => [...new Set(some.map(({ headers }) => headers["sec-fetch-site"]))];
  equal("each way back came from another site", from(there), ["cross-site"]);
  // Strict cookies come with what a page of this site asks for.
  equal("and was asked for once more where it has to be", [here.length, from(here)], bed.mode === "strict" ? [there.length, ["same-origin"]] : [0, []]);
  const told = world.requests.filter(({ headers }) => /callback/.test(headers.referer));
  equal("and told nobody where it was", told.map(({ url, headers }) => [url, headers.referer]), []);
  await single(demo);
  await visits(bed, demo);
  await demo.stop();
}

// Single sign-on is for the company whose it is.
async function single({ origin, world, visitor }) {
  const { page } = await visitor();
  await page.goto(`${origin}/auth/sso?tenant=T2beta&return_to=/projects`);
  await choose(page, world, "Cleo Castillo");
  await page.waitForURL(`${origin}/projects`);
  check("single sign-on selects its company", (await page.locator("body").innerText()).includes("Beta Bakery"));
}

// Who signs in by which way as a visitor who has noted what. Notes stay with people, so that no two
// rows have the same.
const NOTES = [
  ["a code", "Ann Archer", "Product launch"],
  ["Google's link", "Ben Osei", "Product launch"],
  ["the company's link", "Ann Archer", "Office move"],
  ["a form with an address", "Ann Archer", "Annual audit"],
];

// A visitor notes something, signs in, and has it still.
async function visits(bed, { origin, world, visitor }) {
  for (const [name, person, template] of NOTES) {
    const { context, page } = await visitor();
    await page.goto(`${origin}/visit`);
    await follow(page.getByRole("button", { name: "Look around" }));
    await follow(page.getByRole("button", { name: template }));
    equal(`${name}: a visitor has noted something`, await page.getByRole("status").innerText(), "1 noted.");
    const before = (await cookies(context))["__Host-DS"]?.value;
    await follow(page.getByRole("link", { name: "Sign in and keep them" }));
    await WAYS[name]({ page, world, name: person, next: "/visit" });
    await page.waitForURL(`${origin}/visit`);
    check(`${name}: the visitor has signed in`, (await page.locator("main").innerText()).includes("You are signed in."));
    check(`${name}: with another session`, (await cookies(context))["__Host-DS"].value !== before);
    const noted = page.getByRole("button", { name: `“${template}” is noted` });
    equal(`${name}: what was noted came along`, await noted.count(), 1);
    if (name === "Google's link") await page.screenshot({ path: screenshot(`sign-in-${bed.mode}-visit`) });
  }
}
