// Which page is shown: the address after # says so, so that every view has an address and Back works.

import { clipPage } from "./clip.js";
import { h, trouble } from "./dom.js";
import { listPage } from "./list.js";
import { lostPage } from "./lost.js";
import { isStatic, source } from "./source.js";
import { totalsPage } from "./totals.js";
import { withdrawPage } from "./withdraw.js";

const VIEWS = { clips: listPage, clip: clipPage, lost: lostPage, totals: totalsPage, withdraw: withdrawPage };
const main = document.getElementById("main"),
  help = document.getElementById("help");
const state = { start: null, list: "#clips", leave: () => {}, keys: () => false, shown: 0 };

function address() {
  if (location.pathname.endsWith("/withdraw") && !location.hash)
    history.replaceState(null, "", `./#withdraw${location.search}`);
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  const [view, id = ""] = path.split("/");
  return { view: view in VIEWS ? view : "clips", id: decodeURIComponent(id), wanted: new URLSearchParams(query) };
}

async function show() {
  const { view, id, wanted } = address(),
    turn = ++state.shown;
  state.leave();
  state.leave = () => {};
  state.keys = () => false;
  document.title = `${view === "clip" ? `Clip ${id.slice(0, 8)}` : view[0].toUpperCase() + view.slice(1)} – duplexset`;
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash === `#${view === "clip" ? "clips" : view}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "clips") state.list = location.hash || "#clips";
  main.setAttribute("aria-busy", "true");
  try {
    const page = await VIEWS[view]({ id, wanted, start: state.start, back: state.list, go, replace });
    if (turn !== state.shown) return page.leave?.();
    main.replaceChildren(...page.nodes);
    state.leave = page.leave ?? state.leave;
    state.keys = page.keys ?? state.keys;
    page.shown?.();
    if (state.shown > 1 && !page.keepFocus) {
      main.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  } catch (error) {
    if (turn === state.shown)
      main.replaceChildren(
        h("h1", {}, "This cannot be shown"),
        trouble(error),
        h("p", {}, h("a", { href: state.list }, "Back to the list")),
      );
  } finally {
    main.removeAttribute("aria-busy");
  }
}

function go(hash) {
  location.hash = hash;
}

// Another address for the same view, without a step in the history.
function replace(hash) {
  history.replaceState(null, "", hash);
  state.list = hash;
}

function typing(target) {
  return target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const pressed = event.key === " " || event.key === "Enter";
  if (pressed && event.target.closest("a, button, summary, input")) return;
  if (event.key === "?") help.showModal();
  else if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) search.focus();
    else go(state.list);
  } else if (!state.keys(event)) return;
  event.preventDefault();
});
document.getElementById("help-button").addEventListener("click", () => help.showModal());
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);

try {
  state.start = await source.start();
  const { name, clips, total } = state.start;
  document.getElementById("dataset").textContent =
    isStatic && clips < total ? `${name} – ${clips} of ${total} clips` : name;
  if (isStatic) document.getElementById("nav-withdraw").remove();
  await show();
} catch (error) {
  main.replaceChildren(trouble(error));
}
