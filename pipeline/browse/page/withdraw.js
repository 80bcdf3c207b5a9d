// What a withdrawal would take out. This only looks.

import { count, duration, h, plural } from "./dom.js";
import { source } from "./source.js";

const KINDS = [
  ["recording", "Recording", "SHA-256 of its bytes"],
  ["speaker", "Speaker", "name, as in the index"],
  ["source", "Source", "its address"],
  ["licence", "Licence", "SPDX identifier"],
  ["clip", "Clip", "id"],
];

export async function withdrawPage({ wanted, go }) {
  const [kind, value] = [...wanted].find(([name, text]) => text && KINDS.some(([one]) => one === name)) ?? [
    "speaker",
    "",
  ];
  const field = h("input", {
    id: "search",
    name: "value",
    value,
    required: true,
    maxlength: 4000,
    autocomplete: "off",
  });
  const select = h(
    "select",
    { name: "kind", onchange: () => hint() },
    KINDS.map(([name, label]) => h("option", { value: name }, label)),
  );
  const hint = () => {
    field.placeholder = KINDS.find(([name]) => name === select.value)[2];
  };
  select.value = kind;
  hint();
  const form = h(
    "form",
    {
      class: "line",
      onsubmit: (event) => {
        event.preventDefault();
        if (field.value) go(`#withdraw?${new URLSearchParams({ [select.value]: field.value })}`);
      },
    },
    h("label", {}, "What", select),
    h("label", { class: "grow" }, "Which", field),
    h("button", { type: "submit" }, "Show"),
  );
  const nodes = [
    h("h1", {}, "What a withdrawal would take out"),
    h("p", { class: "soft" }, "This only looks: nothing is withdrawn from here."),
    form,
  ];
  const named = new URLSearchParams({ [kind]: value });
  if (value) nodes.push(...taken(await source.withdraw(named)));
  return { nodes };
}

function taken(found) {
  if (!found.known) return [h("p", { class: "empty", id: "taken" }, `No clip in the index has this ${found.kind}.`)];
  const heads = [
    [count(found.clips), "clips go"],
    [duration(found.seconds), "of audio"],
    [count(found.shards), "shards are packed anew"],
    [count(found.recordings), "recordings"],
  ];
  const notes = [
    found.withdrawn > 0 &&
      `${plural(found.withdrawn, "clip")} of it ${found.withdrawn === 1 ? "is" : "are"} withdrawn already.`,
    found.borrowed > 0 &&
      `${plural(found.borrowed, "other clip")} of the same recordings ${found.borrowed === 1 ? "holds" : "hold"} samples of these voices: they stay without those, and their shards change, too.`,
    found.clips === 0 && "None of them is in the shards.",
  ].filter(Boolean);
  return [
    h(
      "section",
      { id: "taken", class: "card" },
      h("h2", {}, `Withdrawing the ${found.kind} `, h("bdi", {}, found.value)),
      h(
        "div",
        { class: "heads" },
        heads.map(([figure, label]) => h("div", {}, h("b", {}, figure), h("span", {}, label))),
      ),
      notes.map((note) => h("p", {}, note)),
      h("p", { class: "soft small" }, found.splits.map(({ split, n }) => `${split}: ${count(n)}`).join(" · ")),
    ),
    h(
      "section",
      { class: "card" },
      h("h2", {}, "To do it"),
      found.command
        ? h("p", { id: "command" }, h("code", {}, found.command))
        : h("p", { id: "command" }, "No command line can hold this name: withdraw the recordings by their ids."),
      h(
        "p",
        { class: "soft small" },
        "It shows first what goes, near duplicates included, and asks. Trainers leave the clips out at once; then " +
          "their bytes are removed.",
      ),
    ),
    found.first.length > 0 &&
      h(
        "section",
        { class: "card" },
        h("h2", {}, found.clips > found.first.length ? `The first ${found.first.length} of the clips` : "The clips"),
        h(
          "ul",
          { class: "plain" },
          found.first.map((clip) =>
            h(
              "li",
              {},
              h("a", { href: `#clip/${encodeURIComponent(clip.id)}` }, h("bdi", {}, clip.uri)),
              h("span", { class: "soft" }, ` ${duration(clip.duration_s)} · ${clip.shard}`),
            ),
          ),
        ),
      ),
  ].filter(Boolean);
}
