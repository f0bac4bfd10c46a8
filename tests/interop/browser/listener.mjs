// A visitor of Descope's sign-in component who listens: to all that comes to the page, and to all that
// its scripts could read of it.

import { cookies, equal, visit } from "./lib.mjs";

// The demo's page with the component, and what its people type there.
export const FLOW = "/sign-in/flow";
export const ANN = "ann@acme.test";
export const CODE = "123456";

// How a token begins.
export const TOKEN = "eyJ";

// A call goes up, or its answer has come.
const CALL = /\/v1\/flow\/(start|next)$/;

// The component takes one press in this time, and nothing of the next one.
const BETWEEN_PRESSES = 110;

// A visitor all of whose traffic and words are kept, as far as scripts could read them.
export async function listener(browser, { origin }, options = {}) {
  const visitor = await visit(browser, origin, options);
  const { context, page } = visitor;
  const heard = { bodies: [], said: [], successes: [], errors: [], unread: [] };
  context.on("console", (message) => heard.said.push(message.text()));
  await context.exposeBinding("succeeded", (_, success) => heard.successes.push(success));
  await context.exposeBinding("failed", (_, error) => heard.errors.push(error));
  await context.addInitScript(() => {
    const tell = (event) => {
      // Before the page that comes next.
      const { detail } = event;
      const kept = [{ ...localStorage }, { ...sessionStorage }, document.cookie];
      window.succeeded({ detail: JSON.stringify(detail ?? null), kept: JSON.stringify(kept) });
    };
    window.addEventListener("success", tell, true);
    window.addEventListener("error", ({ detail }) => detail && window.failed(detail.errorCode), true);
    // Said by the component once the buttons of a screen work.
    const shown = ({ target }) => {
      const inputs = target.shadowRoot?.querySelectorAll("[name]") ?? [];
      window.screenShown = [...inputs].map((input) => input.getAttribute("name"));
    };
    window.addEventListener("page-updated", shown, true);
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

export const component = (page) => page.locator("descope-wc");
export const button = (page) => component(page).locator("descope-button#submit");
export const field = (page, name) => component(page).locator(`input[name="${name}"]`);

// The screen with this field, or one without any, is there, and its buttons work.
export const shown = (page, name) =>
  page.waitForFunction((name) => window.screenShown && (!name || window.screenShown.includes(name)), name);

// Fills in a screen, as far as its button.
export async function fill(page, name, text) {
  await shown(page, name);
  await field(page, name).fill(text);
  await page.evaluate((pause) => new Promise((done) => setTimeout(done, pause)), BETWEEN_PRESSES);
}

export async function press(page) {
  const sent = page.waitForRequest(CALL);
  await button(page).click();
  await sent;
}

export async function submit(page, name, text) {
  await fill(page, name, text);
  await press(page);
}

// Does `act`, which ends a flow, and waits for the page that it leads to.
export async function leaves(page, origin, act) {
  const loaded = page.waitForURL((url) => url.origin === origin && url.pathname !== FLOW);
  await act();
  await loaded;
}

// Does `act`, and waits for the answer to the call that the component makes of it.
export async function answered(page, act) {
  const answer = page.waitForResponse(CALL);
  await act();
  return (await answer).status();
}

export const calls = (heard, call) =>
  heard.bodies.filter(({ url }) => new URL(url).pathname === `/v1/flow/${call}`);

export async function kept(page) {
  return JSON.stringify(
    await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
}

export function nothingReadable(what, heard) {
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

export async function signedIn(context) {
  const names = Object.keys(await cookies(context));
  return names.includes("__Host-DS") || names.includes("__Host-DSR");
}

// The name at the top of the demo's pages.
export const who = (page) => page.locator(".who .name").first().innerText();

// Until there is something; the log of a child comes by a pipe of its own.
export async function found(look) {
  for (let left = 600; left > 0 && look().length === 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return look();
}
