// Runs Descope's component and hands its tokens over. Loaded after the component's own script.
"use strict";

const place = document.querySelector("#sign-in");
const problem = document.querySelector("#problem");
const Component = customElements.get("descope-wc");

if (!Component) {
  problem.textContent = "Descope's component could not be loaded. Reload the page to try again.";
} else {
  // Before it is created: else it keeps both tokens in localStorage, where every script reads them.
  Component.sdkConfigOverrides = { ...Component.sdkConfigOverrides, persistTokens: false };
  const component = document.createElement("descope-wc");
  for (const [name, value] of Object.entries(JSON.parse(place.dataset.component))) {
    component.setAttribute(name, value);
  }
  component.addEventListener("success", ({ detail }) => handOver(detail));
  component.addEventListener("error", ({ detail }) => {
    problem.textContent = `Descope says: ${detail.errorMessage || detail.errorDescription || detail.errorCode}`;
  });
  place.append(component);
}

// The one moment in which a script has the tokens.
async function handOver({ sessionJwt, refreshJwt }) {
  const answer = await fetch("/v1/auth/sign-in", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sessionJwt, refreshJwt }),
  }).catch(() => undefined);
  if (answer?.ok) return location.assign("/");
  const { error } = (await answer?.json().catch(() => undefined)) ?? {};
  problem.textContent = `You are not signed in (${error ?? "no answer"}). Reload the page to try again.`;
}
