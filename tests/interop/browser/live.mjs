// The example `live`: a socket of a page that goes on while the session is renewed, and ends with it.

import { check, cookies, equal, main, readable, screenshot, startChromium, startExample, visit } from "./lib.mjs";

main(120, async () => {
  const origin = await startExample("live", ["--fake"], /open (http:\/\/127\.0\.0\.1:\d+),/);
  const browser = await startChromium();
  await journey(browser, origin);
  await browser.close();
});

async function journey(browser, origin) {
  const { context, page } = await visit(browser, origin);
  await page.goto(origin);
  equal("before the sign-in there is no socket", await page.locator("#live").textContent(), "closed");

  await page.getByRole("link", { name: "Sign in as Ann" }).click();
  await page.waitForFunction(() => document.getElementById("live").textContent.startsWith("open"));
  check("signed in, the socket knows its tenant", (await page.locator("#live").textContent()).startsWith("open; acme: "));
  equal("no script can read a token", await readable(page), { cookie: "", tokens: false });
  const sockets = await page.evaluate(() => {
    // Each socket from now on is another one than the first.
    window.opened = 0;
    const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
      constructor(...rest) {
        super(...rest);
        window.opened += 1;
      }
    };
    return window.opened;
  });
  equal("one socket is open", sockets, 0);

  let renewals = 0;
  let before = (await cookies(context)).DSR.value;
  for (let second = 0; second < 60 && renewals < 3; second += 1) {
    await page.waitForTimeout(500);
    const now = (await cookies(context)).DSR.value;
    if (now !== before) renewals += 1;
    before = now;
  }
  equal("the session is renewed three times", renewals, 3);
  const line = await page.locator("#live").textContent();
  await page.waitForFunction((line) => document.getElementById("live").textContent !== line, line);
  check("and the socket goes on", (await page.locator("#live").textContent()).startsWith("open; acme: "));
  equal("it is the one of the beginning", await page.evaluate(() => window.opened), 0);
  await page.screenshot({ path: screenshot("live") });

  // The other tab of the same browser signs out.
  const other = await context.newPage();
  await other.goto(origin);
  await other.waitForFunction(() => document.getElementById("live").textContent.startsWith("open"));
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.waitForFunction(() => document.getElementById("live").textContent.startsWith("closed"), undefined, { timeout: 1_000 });
  equal("a sign-out in another tab closes it within a second", await page.locator("#live").textContent(), "closed with 4401: SignedOut");
  await page.waitForFunction(() => document.getElementById("who").textContent === "nobody is signed in");
  check("and it stays closed", (await page.locator("#live").textContent()).startsWith("closed"));
  await context.close();
}
