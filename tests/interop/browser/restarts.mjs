// The service between the component and Descope is started anew while somebody is in the middle of a flow,
// and answers are lost on their way to the browser. Before it stands what keeps its address; behind it a
// Descope that goes on running, and what counts the calls that reach it.

import http from "node:http";
import path from "node:path";

import { listen, pass, stop, watched } from "./foreign.mjs";
import { check, equal, heading, startDemo, startExample, work } from "./lib.mjs";
import { ANN, CODE, FLOW, found, leaves, listener, nothingReadable, shown, signedIn, submit } from "./listener.mjs";

const PROJECT = "P2fakeFakeFakeFakeFakeFak000";

export async function restarts(browser, _, sameSite) {
  const fake = await startExample("fake_descope", ["--listen", "127.0.0.1:0"], /FakeDescope listens at (\S+)/);
  const descope = await watched(fake);
  const start = () =>
    startDemo({
      DEMO_SAME_SITE: sameSite.toLowerCase(),
      DEMO_UI_DIR: path.join(work, "node_modules"),
      DESCOPE_PROJECT_ID: PROJECT,
      DESCOPE_BASE_URI: descope.url,
    });
  let demo = await start();
  // What became of answers that did not arrive.
  const lost = [];
  let losing = false;
  // A browser that hears nothing asks again at once; it waits for the service that is started anew.
  let started = Promise.resolve();
  const front = http.createServer(async (request, response) => {
    if (request.url.startsWith("/pages/")) return pass(request, response, fake);
    if (request.url === "/v1/flow/next" && losing) {
      losing = false;
      response.writeHead = () => response;
      return pass(request, response, demo.origin, new Set(), (status) => {
        lost.push(status);
        response.destroy();
      });
    }
    await started;
    pass(request, response, demo.origin);
  });
  const origin = `http://127.0.0.1:${await listen(front)}`;
  const visitor = async () => {
    const it = await listener(browser, { origin });
    await it.page.goto(`${origin}${FLOW}`);
    await submit(it.page, "loginId", ANN);
    await shown(it.page, "code");
    return it;
  };
  const nexts = () => descope.posts.filter((path) => path === "/v1/flow/next").length;
  const again = async () => {
    demo.stop();
    demo = await start();
  };

  let it = await visitor();
  await again();
  await leaves(it.page, origin, () => submit(it.page, "code", CODE));
  equal("a flow goes on after a restart, and signs in", await heading(it.page), "Choose a company");
  await ends("a restart between two steps", it);

  it = await visitor();
  let seen = nexts();
  losing = true;
  await leaves(it.page, origin, () => submit(it.page, "code", CODE));
  equal("an answer that was lost is asked for again", [lost, await heading(it.page)], [[200], "Choose a company"]);
  equal("Descope has had the call once", nexts() - seen, 1);
  await ends("a lost answer", it);

  // The one that could answer again is gone as well: Descope is asked, and takes no nonce twice.
  it = await visitor();
  seen = nexts();
  losing = true;
  lost.length = 0;
  let restarted;
  started = new Promise((done) => (restarted = done));
  await submit(it.page, "code", CODE);
  await found(() => lost);
  await again();
  restarted();
  await found(() => it.heard.errors);
  equal("an answer that was lost with its service is Descope's refusal", [lost, it.heard.errors], [[200], ["E108201"]]);
  equal("Descope has had the browser's two calls", nexts() - seen, 2);
  check("which the page shows", await it.page.locator(".notice").isVisible());
  equal("nobody is signed in", await signedIn(it.context), false);
  await it.page.reload();
  await submit(it.page, "loginId", ANN);
  await leaves(it.page, origin, () => submit(it.page, "code", CODE));
  equal("and a new start works", await heading(it.page), "Choose a company");
  await ends("a lost answer and a restart", it);

  stop(front);
  descope.stop();
  demo.stop();
}

async function ends(what, { context, strangers, heard }) {
  equal(`${what}: no page asked another server`, [...strangers], []);
  nothingReadable(what, heard);
  await context.close();
}
