// The list of clips, and the filters beside it. A page has 50 clips, however large the dataset.

import { count, duration, h, pager, percent, plural, say, trouble, words } from "./dom.js";
import { active, filters } from "./filters.js";
import { source } from "./source.js";

const SORTS = [
  ["id", "Id (by chance)"],
  ["-length", "Longest"],
  ["length", "Shortest"],
  ["-overlap", "Most overlap"],
  ["overlap", "Least overlap"],
  ["-leakage", "Worst leakage"],
  ["confidence", "Least sure overlaps"],
  ["quieter", "Most uneven"],
  ["-words", "Most words"],
];

export async function listPage({ wanted, start, replace }) {
  const results = h("div", { class: "results", id: "results" });
  const chips = h("div", { class: "chips" });
  let turn = 0;
  const ask = async () => {
    const mine = ++turn;
    results.setAttribute("aria-busy", "true");
    try {
      const found = await source.clips(wanted);
      if (mine === turn) results.replaceChildren(...table(found, wanted, change));
      if (mine === turn) say(`${plural(found.total, "clip")}, page ${found.page + 1}`);
    } catch (error) {
      if (mine === turn) results.replaceChildren(trouble(error));
    }
    if (mine === turn) results.removeAttribute("aria-busy");
  };
  const change = (name, values) => {
    if (name !== "page") wanted.delete("page");
    wanted.delete(name);
    for (const value of values) wanted.append(name, value);
    replace(`#clips${wanted.size ? `?${wanted}` : ""}`);
    chips.replaceChildren(...active(wanted, start, change, form));
    if (name === "page") results.scrollIntoView();
    return ask();
  };
  const form = filters(wanted, start, change);
  chips.replaceChildren(...active(wanted, start, change, form));
  await ask();
  const keys = (event) => move(event, results);
  return {
    nodes: [
      h("h1", { class: "unseen" }, "Clips"),
      h("div", { class: "split" }, form, h("div", { class: "column" }, chips, results)),
    ],
    keys,
  };
}

function move(event, results) {
  const links = [...results.querySelectorAll("a.row-link")],
    at = links.indexOf(document.activeElement);
  if (event.key === "j" || event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus();
  else if (event.key === "k" || event.key === "ArrowUp") links[Math.max(at - 1, 0)]?.focus();
  else return false;
  return links.length > 0;
}

function table(found, wanted, change) {
  const sort = h(
    "select",
    { id: "sort", onchange: (event) => change("sort", event.target.value === "id" ? [] : [event.target.value]) },
    SORTS.map(([value, text]) => h("option", { value }, text)),
  );
  sort.value = wanted.get("sort") ?? "id";
  const head = h(
    "div",
    { class: "head" },
    h("p", {}, h("strong", { id: "total" }, plural(found.total, "clip")), ` · ${duration(found.seconds)}`),
    h("label", {}, "Sort ", sort),
  );
  if (!found.total) return [head, h("p", { class: "empty" }, "No clip is like that. Take a filter away.")];
  const heads = ["Clip", "Length", "Licence", "Both speak", "Leakage", "Where"];
  const rows = h(
    "table",
    { class: "clips" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((name, at) => h("th", { scope: "col", class: [1, 3, 4].includes(at) ? "n" : "" }, name)),
      ),
    ),
    h("tbody", {}, found.clips.map(row)),
  );
  return [head, rows, pager(found.page, found.pages, (page) => change("page", page ? [String(page)] : []))].filter(
    Boolean,
  );
}

function row(clip) {
  const cell = (label, ...content) => h("td", { "data-label": label }, ...content);
  const where = clip.withdrawn
    ? h("span", { class: "badge bad" }, "withdrawn")
    : clip.kept
      ? h("span", { class: "badge" }, clip.split)
      : h("span", { class: "badge bad" }, words(clip.reason ?? "rejected"));
  const link = h(
    "a",
    { class: "row-link", href: `#clip/${encodeURIComponent(clip.id)}` },
    h("bdi", {}, clip.uri || clip.id),
  );
  return h(
    "tr",
    {},
    h(
      "td",
      {},
      link,
      h(
        "span",
        { class: "sub" },
        h("code", {}, clip.id.slice(0, 12)),
        " · ",
        h("bdi", {}, clip.speakers.map((name) => name.replace(/^[0-9a-f]{64}\//, "voice ")).join(" & ")),
      ),
    ),
    h("td", { class: "n", "data-label": "Length" }, duration(clip.duration_s)),
    cell(
      "Licence",
      h(
        "bdi",
        { class: clip.licence === "NOASSERTION" ? "none" : "" },
        clip.licence === "NOASSERTION" ? "no licence" : clip.licence,
      ),
      h("span", { class: "sub" }, h("bdi", {}, clip.consent ?? "consent missing")),
    ),
    h("td", { class: "n", "data-label": "Both speak" }, percent(clip.overlap)),
    h("td", { class: "n", "data-label": "Leakage" }, clip.leakage === null ? "–" : `${clip.leakage.toFixed(0)} dB`),
    cell("Where", where, clip.separated && h("span", { class: "sub" }, "taken apart")),
  );
}
