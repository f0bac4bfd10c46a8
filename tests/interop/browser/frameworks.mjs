// The sign-in components of Descope's SDKs for React and Vue, as they are published, with the demo as
// their base URL. Their pages are put beside the demo's, at the same origin.

import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

import { listen, pass, stop } from "./foreign.mjs";
import { check, cookies, equal, main, require, screenshot, startChromium, startDemo, work } from "./lib.mjs";
import { ANN, CODE, TOKEN, calls, component, kept, listener, nothingReadable, shown, signedIn, submit, who } from "./listener.mjs";

const PROJECT = "P2fakeFakeFakeFakeFakeFak000";

// Each shows the component to who is signed out. To others it shows who they are, and what one can do.
const PAGES = {
  React: `
    import { createElement } from "react";
    import { createRoot } from "react-dom/client";
    import { AuthProvider, Descope, useDescope, useSession } from "@descope/react-sdk";
    function Page() {
      const { isAuthenticated, isSessionLoading, claims } = useSession();
      const sdk = useDescope();
      if (isSessionLoading) return createElement("p", null, "loading");
      if (!isAuthenticated) return createElement(Descope, { flowId: "sign-up-or-in" });
      const button = (id, onClick) => createElement("button", { id, onClick }, id);
      return createElement("main", null,
        createElement("p", { id: "in" }, "authenticated"),
        createElement("p", { id: "tenant" }, claims?.dct ?? "none"),
        button("renew", () => sdk.refresh()),
        button("switch", () => sdk.selectTenant("T2beta")),
        button("out", () => sdk.logout()));
    }
    createRoot(document.querySelector("#root")).render(
      createElement(
        AuthProvider,
        { projectId: "${PROJECT}", baseUrl: location.origin, baseCdnUrl: location.origin, persistTokens: false },
        createElement(Page),
      ),
    );`,
  // Its useSession() knows of nobody without a token that the page can read, so me() says who is signed in.
  Vue: `
    import { createApp, h, ref } from "vue";
    import descope, { Descope, useDescope, useSession } from "@descope/vue-sdk";
    const page = {
      setup() {
        const { isAuthenticated, isLoading } = useSession();
        const sdk = useDescope();
        const user = ref();
        const tenant = ref("none");
        const ask = async () => { user.value = (await sdk.me()).data?.userId ?? null; };
        const renew = async (answer) => { tenant.value = (await answer).data?.claims?.dct ?? "none"; };
        ask();
        return () => {
          if (isLoading.value || user.value === undefined) return h("p", "loading");
          if (user.value === null) return h(Descope, { flowId: "sign-up-or-in", onSuccess: ask });
          return h("main", [
            h("p", { id: "in" }, isAuthenticated.value ? "authenticated" : "me() says " + user.value),
            h("p", { id: "tenant" }, tenant.value),
            h("button", { id: "renew", onClick: () => renew(sdk.refresh()) }, "renew"),
            h("button", { id: "switch", onClick: () => renew(sdk.selectTenant("T2beta")) }, "switch"),
            h("button", { id: "out", onClick: () => sdk.logout().then(ask) }, "out"),
          ]);
        };
      },
    };
    createApp(page).use(descope, { projectId: "${PROJECT}", baseUrl: location.origin, baseStaticUrl: location.origin + "/pages", persistTokens: false }).mount("#root");`,
};
const SAYS = { React: "authenticated", Vue: "me() says U2ann" };

main(240, async () => {
  const browser = await startChromium("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
  const demo = await startDemo({ DEMO_UI_DIR: path.join(work, "node_modules"), DEMO_SAME_SITE: "strict" });
  const front = http.createServer((request, response) => {
    const name = Object.keys(PAGES).find((name) => request.url.startsWith(`/-/${name}`));
    if (!name) return pass(request, response, demo.origin);
    const isScript = request.url.endsWith(".js");
    response.writeHead(200, { "content-type": isScript ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8" });
    const page = `<!doctype html><title>${name}</title><link rel="icon" href="data:,"><div id="root"></div><script src="/-/${name}.js"></script>`;
    response.end(isScript ? bundle(name) : page);
  });
  const origin = `http://127.0.0.1:${await listen(front)}`;
  for (const name of Object.keys(PAGES)) {
    console.log(`\n# ${name}`);
    await journey(browser, origin, name);
  }
  check("the demo's log has no token", !demo.lines().some((line) => line.includes(TOKEN)));
  await browser.close();
  stop(front);
  demo.stop();
});

async function journey(browser, origin, name) {
  const { context, page, complaints, strangers, heard } = await listener(browser, { origin });
  if (name === "Vue") {
    // Its SDK has no setting for where the elements come from, which is Descope's host: but for this.
    const elements = `${origin}/npm/@descope/web-components-ui@3.14.1/dist/umd/index.js`;
    await context.addInitScript((url) => localStorage.setItem("base.ui.components.url", url), elements);
  }
  await page.goto(`${origin}/-/${name}`);
  await submit(page, "loginId", ANN);
  await shown(page, "code");
  await page.screenshot({ path: screenshot(`flow-${name}`) });
  await submit(page, "code", CODE);
  const isIn = page.locator("#in");
  await isIn.waitFor();
  equal("the page knows who is signed in", await isIn.innerText(), SAYS[name]);
  equal("the component has gone", await component(page).count(), 0);
  let jar = await cookies(context);
  check("the session is in cookies", ["__Host-DS", "__Host-DSR"].every((it) => jar[it]?.httpOnly), Object.keys(jar).join());
  equal("the calls of the flow", [calls(heard, "start").length, calls(heard, "next").length], [1, 1]);
  const detail = JSON.parse(heard.successes[0]?.detail ?? "null");
  equal("the event names the user, and its tokens are empty", [detail?.user?.userId, detail?.sessionJwt, detail?.refreshJwt], ["U2ann", "", ""]);
  const nothingKept = async (when) => {
    check(`no storage has a token ${when}`, !(await kept(page)).includes(TOKEN));
    equal(`scripts see no cookie ${when}`, await page.evaluate(() => document.cookie), "");
  };
  await nothingKept("then");
  const renewed = async (what, act) => {
    await act();
    const now = await cookies(context);
    check(`${what}: the cookies are new ones`, ["__Host-DS", "__Host-DSR"].every((it) => now[it].value !== jar[it].value));
    jar = now;
  };
  const pressed = (button, path) => async () => {
    const answer = page.waitForResponse((response) => new URL(response.url()).pathname === path);
    await page.locator(button).click();
    equal(`${path} is answered`, (await answer).status(), 200);
  };

  const asks = page.waitForResponse(/\/v1\/auth\/(try-)?refresh/);
  await renewed("a reload", async () => {
    await page.reload();
    await isIn.waitFor();
    await asks;
  });
  equal("after which the page knows it still", await isIn.innerText(), SAYS[name]);
  await renewed("renewal", pressed("#renew", "/v1/auth/refresh"));
  await renewed("a switch of the tenant", pressed("#switch", "/v1/auth/tenant/select"));
  await page.locator("#tenant", { hasText: "T2beta" }).waitFor();
  equal("of which the page is told", await page.locator("#tenant").innerText(), "T2beta");
  await nothingKept("after all that");
  await page.goto(`${origin}/projects`);
  equal("the demo's own pages know who it is", await who(page), "Ann Archer");
  await page.goto(`${origin}/-/${name}`);
  await pressed("#out", "/v1/auth/logout")();
  await shown(page, "loginId");
  equal("who is signed out is shown the component", [await component(page).count(), await signedIn(context)], [1, false]);
  await page.reload();
  await shown(page, "loginId");
  check("also after a reload", await component(page).isVisible());
  await nothingKept("at the end");
  equal("no page complained", complaints, []);
  equal("no page asked another server", [...strangers], []);
  nothingReadable(name, heard);
  await context.close();
}

const built = {};
function bundle(name) {
  if (!built[name]) {
    const folder = path.join(work, "frameworks");
    mkdirSync(folder, { recursive: true });
    const entry = path.join(folder, `${name}.js`);
    writeFileSync(entry, PAGES[name]);
    const { buildSync } = require("esbuild");
    const define = { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" };
    const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, format: "iife", define, write: false, logLevel: "error" });
    built[name] = outputFiles[0].text;
  }
  return built[name];
}
