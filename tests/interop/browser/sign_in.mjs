// Signing in at the demo, in Chromium without script: by a code, by links and forms that lead over an
// identity provider at another site, with cookies that are Lax and with cookies that are Strict.

import { check, cookies, equal, follow, heading, main, startChromium, startDemo } from "./lib.mjs";
import { journeys } from "./journeys.mjs";
import { sites } from "./sites.mjs";
import { starts } from "./starts.mjs";
import { staying } from "./staying.mjs";
import { ways } from "./ways.mjs";

// A part by its name, for whoever works on one; all of them else.
const PARTS = { ways, journeys, starts, staying };

main(840, async () => {
  const browser = await startChromium();
  for (const mode of ["lax", "strict"]) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (process.argv[2] && process.argv[2] !== name) continue;
      console.log(`\n# ${name}, ${mode}`);
      await part(bedOf(browser, mode));
    }
  }
  await browser.close();
});

// What the parts share. Each demo has a budget for sign-ins of its own.
function bedOf(browser, mode) {
  return {
    browser,
    mode,
    async demo(env = {}) {
      const demo = await startDemo({ DEMO_SAME_SITE: mode, ...env });
      const world = await sites(demo.origin, demo.fake);
      const contexts = [];
      return {
        origin: demo.origin,
        world,
        // A browser of its own, without script unless it is asked for.
        async visitor(options = {}) {
          const context = await browser.newContext({ javaScriptEnabled: false, proxy: world.proxy, ...options });
          context.setDefaultTimeout(15_000);
          contexts.push(context);
          return { context, page: await context.newPage() };
        },
        async stop() {
          equal("nobody else was asked for anything", world.strangers, []);
          for (const context of contexts) await context.close();
          world.stop();
          demo.stop();
        },
      };
    },
  };
}

// Who the demo takes this browser for, asked in a tab of its own by an address that was typed.
export async function who({ context }, origin) {
  const page = await context.newPage();
  await page.goto(`${origin}/access`);
  const signedIn = new URL(page.url()).pathname === "/access";
  const text = await page.locator("body").innerText();
  await page.close();
  return signedIn ? /U2\w+/.exec(text)?.[0] : undefined;
}

// The cookies of attempts that are under way.
export async function attempts(context) {
  return Object.keys(await cookies(context)).filter((name) => name.includes("DSX-"));
}

// On the identity provider's page.
export async function choose(page, world, name) {
  check(`the identity provider is at another site, and asks who it is`, page.url().startsWith(`${world.idp}/idp/`), page.url());
  await back(page, name);
}

// By a link of it, to where the way back leads.
export async function back(page, name) {
  await follow(page.getByRole("link", { name }));
  await page.waitForURL((url) => url.pathname !== "/auth/callback");
}

export { check, cookies, equal, follow, heading };
