// Totals: hours by what an auditor tells apart, what was lost where, and how people take turns.

import { count, duration, h, plural, words } from "./dom.js";
import { nameOf } from "./filters.js";
import { source } from "./source.js";

const GROUPS = [
  ["licence", "Hours by licence"],
  ["consent", "Hours by consent"],
  ["source", "Hours by source"],
  ["holder", "Hours by rights holder"],
  ["split", "Hours by split"],
  ["language", "Hours by language"],
];

export function bars(rows, label) {
  const most = Math.max(...rows.map((row) => row.size), 1e-9);
  return h(
    "ul",
    { class: "bars", "aria-label": label },
    rows.map(({ name, address, size, figure, none }) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", size / most);
      const content = [
        h("span", { class: "name" }, h("bdi", { class: none ? "none" : "" }, name)),
        bar,
        h("span", { class: "figure" }, figure),
      ];
      return h("li", {}, address ? h("a", { href: address }, content) : h("div", {}, content));
    }),
  );
}

export function lossRows(losses) {
  return losses.map(({ stage, reason, n, seconds }) => ({
    name: `${stage}: ${words(reason)}`,
    address: `#lost?${new URLSearchParams({ stage, reason })}`,
    size: seconds,
    figure: `${seconds > 0 ? duration(seconds) : "length unknown"}, ${count(n)} ×`,
  }));
}

export async function totalsPage() {
  const totals = await source.totals();
  const heads = [
    [duration(totals.in_s), `in ${plural(totals.recordings, "recording")}`],
    [duration(totals.seconds), "kept"],
    [duration(totals.lost_s), "lost"],
    [count(totals.clips), "clips"],
    [count(totals.speakers), "speakers"],
  ];
  if (totals.withdrawn) heads.push([count(totals.withdrawn), "withdrawn since"]);
  const group = ([name, label]) => {
    const { rows, more } = totals.groups[name];
    if (rows.length < 2 && !["licence", "consent"].includes(name)) return null;
    const made = rows.map((row) => ({
      name: nameOf(name, row.name),
      none: row.name === "" || row.name === "NOASSERTION",
      address: `#clips?${new URLSearchParams({ [name]: row.key })}`,
      size: row.seconds,
      figure: `${duration(row.seconds)}, ${plural(row.n, "clip")}`,
    }));
    return h(
      "section",
      { class: "card" },
      h("h2", {}, label),
      bars(made, label),
      more > 0 && h("p", { class: "soft small" }, `and ${count(more)} more`),
    );
  };
  const plot = ({ name, title }) =>
    h(
      "figure",
      {},
      h("img", {
        src: `plots/${encodeURIComponent(name)}`,
        alt: `${title}: the figures stand in the table`,
        width: 374,
        height: 269,
        loading: "lazy",
      }),
    );
  const [head, ...figures] = totals.turns;
  const table = h(
    "table",
    { class: "figures" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        head.map((cell) => h("th", { scope: "col" }, cell)),
      ),
    ),
    h(
      "tbody",
      {},
      figures.map(([name, ...cells]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, name),
          cells.map((cell) => h("td", { class: "n" }, cell)),
        ),
      ),
    ),
  );
  return {
    nodes: [
      h("h1", {}, "Totals"),
      h(
        "div",
        { class: "heads" },
        heads.map(([figure, label]) => h("div", { class: "card" }, h("b", {}, figure), h("span", {}, label))),
      ),
      h("div", { class: "grid" }, GROUPS.map(group)),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Lost at each stage, and why"),
        totals.losses.length ? bars(lossRows(totals.losses), "Lost") : h("p", { class: "soft" }, "Nothing was lost."),
      ),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "How people take turns"),
        h(
          "p",
          { class: "soft small" },
          `Counted in ${plural(totals.counted, "clip")}${totals.counted < totals.clips ? " from places all over the index" : ""}, beside 45 real consultations (primock57).`,
        ),
        h("div", { class: "wide", tabindex: "0", "aria-label": "Figures" }, table),
        h("div", { class: "plots" }, totals.plots.map(plot)),
      ),
    ],
  };
}
