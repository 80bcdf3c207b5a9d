// The filters beside the list of clips, and what they are set to.

import { count, h, words } from "./dom.js";

const CHOICES = [
  ["licence", "Licence"],
  ["consent", "Consent"],
  ["reason", "Kept or rejected"],
  ["split", "Split"],
  ["source", "Source"],
  ["holder", "Rights holder"],
  ["language", "Language"],
];
const RANGES = [
  ["overlap", "Both speak", "%"],
  ["leakage", "Leakage", "dB"],
  ["length", "Length", "s"],
  ["quieter", "Quieter speaker", "%"],
  ["confidence", "Overlap confidence", "0–1"],
];
const FLAGS = [
  ["separated", "Taken apart from one track"],
  ["enhanced", "Music or noise removed"],
  ["commercial", "Commercial use"],
  ["worded", "Has words"],
  ["withdrawn", "Withdrawn"],
];
const NAMES = Object.fromEntries([
  ...CHOICES,
  ...RANGES,
  ...FLAGS,
  ["q", "Search"],
  ["speaker", "Speaker"],
  ["recording", "Recording"],
]);
const SHOWN = 6;

// What a value of a filter is called; none at all has a name, too.
export function nameOf(name, value) {
  if (value !== "") return name === "reason" ? words(value) : value;
  return { reason: "kept", split: "none: not kept" }[name] ?? "missing";
}

export function filters(wanted, start, change) {
  let timer = 0;
  const later = (name, value) => {
    clearTimeout(timer);
    timer = setTimeout(() => change(name, value ? [value] : []), 150);
  };
  const search = h("input", {
    id: "search",
    type: "search",
    maxlength: 200,
    placeholder: "Id, file, speaker …",
    value: wanted.get("q") ?? "",
    "aria-keyshortcuts": "/",
    oninput: (event) => later("q", event.target.value),
  });
  const wide = matchMedia("(min-width: 900px)").matches;
  return h(
    "details",
    { class: "filters", id: "filters", open: wide },
    h("summary", {}, "Filters"),
    h(
      "form",
      { role: "search", "aria-label": "Filter clips", onsubmit: (event) => event.preventDefault() },
      h("label", { class: "field" }, h("span", {}, "Search ", h("kbd", {}, "/")), search),
      CHOICES.map(([name, label]) => choice(name, label, start.facets[name] ?? [], wanted, change)),
      h(
        "fieldset",
        { class: "ranges" },
        h("legend", {}, "Quality"),
        RANGES.map((range) => span(range, wanted, later)),
      ),
      h(
        "fieldset",
        {},
        h("legend", {}, "Also"),
        FLAGS.map((flag) => answer(flag, wanted, change)),
      ),
    ),
  );
}

function choice(name, label, values, wanted, change) {
  if (!values.length || (values.length === 1 && values[0].key === "")) return null;
  const chosen = new Set(wanted.getAll(name));
  const toggle = (key, on) => {
    if (on) chosen.add(key);
    else chosen.delete(key);
    change(name, chosen);
  };
  const box = ({ key, name: text, n }) =>
    h(
      "label",
      { class: "box", title: nameOf(name, text) },
      h("input", {
        type: "checkbox",
        name,
        value: key,
        checked: chosen.has(key),
        onchange: (event) => toggle(key, event.target.checked),
      }),
      h("bdi", { class: key === "" && name !== "reason" ? "none" : "" }, nameOf(name, text)),
      h("span", { class: "n" }, count(n)),
    );
  const rest = values.slice(SHOWN);
  return h(
    "fieldset",
    {},
    h("legend", {}, label),
    values.slice(0, SHOWN).map(box),
    rest.length > 0 &&
      h(
        "details",
        { class: "more", open: rest.some(({ key }) => chosen.has(key)) },
        h("summary", {}, `${rest.length} more`),
        h("div", { class: "scroll" }, rest.map(box)),
      ),
  );
}

function span([name, label, unit], wanted, later) {
  const [low = "", high = ""] = (wanted.get(name) ?? "..").split("..");
  const ends = [low, high].map((value, at) =>
    h("input", {
      type: "number",
      step: "any",
      name: `${name}-${at ? "to" : "from"}`,
      value,
      placeholder: at ? "to" : "from",
      "aria-label": `${label}, ${at ? "at most" : "at least"}, ${unit}`,
      oninput: () => read(),
    }),
  );
  const read = () => later(name, ends.some((end) => end.value !== "") ? ends.map((end) => end.value).join("..") : "");
  return h(
    "div",
    { class: "range" },
    h("span", {}, label, h("small", {}, ` ${unit}`)),
    h("div", {}, ends[0], h("span", { "aria-hidden": "true" }, "–"), ends[1]),
  );
}

function answer([name, label], wanted, change) {
  const options = [
    ["", "any"],
    ["yes", "yes"],
    ["no", "no"],
    ...(name === "commercial" ? [["unknown", "unknown"]] : []),
  ];
  const select = h(
    "select",
    { name, onchange: (event) => change(name, event.target.value ? [event.target.value] : []) },
    options.map(([value, text]) => h("option", { value }, text)),
  );
  select.value = wanted.get(name) ?? "";
  return h("label", { class: "answer" }, h("span", {}, label), select);
}

// What is filtered by, each with a way to take it away.
export function active(wanted, start, change, form) {
  const entries = [...wanted].filter(
    ([name, value]) => !["sort", "page"].includes(name) && (value || CHOICES.some(([one]) => one === name)),
  );
  const known = (name, key) => start.facets[name]?.find((one) => one.key === key)?.name ?? key;
  const drop = (name, value) => {
    for (const field of form.querySelectorAll(`[name="${name}"], [name^="${name}-"]`))
      if (field.type !== "checkbox") field.value = "";
      else if (field.value === value) field.checked = false;
    if (name === "q") form.querySelector("#search").value = "";
    change(
      name,
      wanted.getAll(name).filter((one) => one !== value),
    );
  };
  const chips = entries.map(([name, value]) =>
    h(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-label": `Remove the filter ${NAMES[name]}: ${nameOf(name, known(name, value))}`,
        onclick: () => drop(name, value),
      },
      h("span", {}, `${NAMES[name]}: `),
      h("bdi", {}, nameOf(name, known(name, value)).slice(0, 60)),
      h("span", { class: "x", "aria-hidden": "true" }, "×"),
    ),
  );
  form.querySelector("summary").textContent = entries.length ? `Filters (${entries.length})` : "Filters";
  return entries.length ? [...chips, h("a", { class: "clear", href: "#clips" }, "Clear all")] : [];
}
