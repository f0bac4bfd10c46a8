// Descope's component, which this app serves as its base URL. It is made here, since its settings have to
// be there before it is.
"use strict";

const place = document.getElementById("flow");
customElements.whenDefined("descope-wc").then(() => {
  const component = document.createElement("descope-wc");
  component.setAttribute("project-id", place.dataset.project);
  component.setAttribute("flow-id", place.dataset.flow);
  component.setAttribute("base-url", location.origin);
  if ("own" in place.dataset) component.setAttribute("base-cdn-url", location.origin);
  component.addEventListener("success", () => location.assign("/projects"));
  const line = document.createElement("p");
  line.setAttribute("role", "alert");
  line.className = "notice bad";
  component.addEventListener("error", ({ detail }) => {
    line.textContent = detail?.errorMessage ?? "That did not work. Please try again.";
    place.before(line);
  });
  place.append(component);
});
