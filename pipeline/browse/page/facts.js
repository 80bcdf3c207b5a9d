// What is known of a clip: its title and colours, speakers and quality, licence and evidence, provenance.

import { duration, fact, facts, h, words } from "./dom.js";
import { isStatic } from "./source.js";

export function title(page) {
  const state = page.withdrawn
    ? h("span", { class: "badge bad" }, "withdrawn")
    : page.kept
      ? h("span", { class: "badge" }, page.split)
      : h("span", { class: "badge bad" }, words(page.reason ?? "rejected"));
  const names = page.speakers.map((one) => h("bdi", {}, one.name));
  return h(
    "header",
    { class: "title" },
    h("h1", {}, names[0] ?? "Clip", names[1] && " & ", names[1]),
    h(
      "p",
      { class: "soft" },
      state,
      ` ${duration(page.duration_s)} · clip `,
      h("code", {}, page.id),
      page.detail && h("span", {}, " · ", h("bdi", {}, page.detail)),
    ),
  );
}

export function key(page) {
  const entry = (name, text) => h("li", {}, h("i", { class: name }), text);
  return h(
    "ul",
    { class: "key", "aria-label": "Colours" },
    page.speakers.map((one, at) => entry(`v${at}`, h("bdi", {}, one.name))),
    entry("turn", "turn"),
    entry("overlap", "both speak"),
    entry("backchannel", "backchannel"),
  );
}

export function speakers(page) {
  const level = (value, unit) => (value === null ? "–" : `${value.toFixed(0)} ${unit}`);
  const link = (kind, value, text) => h("a", { href: `#clips?${new URLSearchParams({ [kind]: value })}` }, text);
  const card = (one, at) =>
    h(
      "div",
      { class: `speaker v${at}` },
      h("h3", {}, h("bdi", {}, one.name)),
      one.role && h("p", {}, h("bdi", {}, one.role)),
      h(
        "p",
        { class: "soft" },
        `${duration(one.speech_s)} of speech at ${level(one.level_db, "dB")}; the other is heard at ${level(one.leakage_db, "dB")}${one.words === null ? "" : `; ${one.words} words`}`,
      ),
      h(
        "p",
        { class: "small" },
        link("speaker", one.key, "Clips of this speaker"),
        !isStatic &&
          one.id && [
            " · ",
            h("a", { href: `#withdraw?${new URLSearchParams({ speaker: one.id })}` }, "What a withdrawal takes"),
          ],
      ),
    );
  const stated = page.speakers[0]?.stated;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Speakers and quality"),
    page.speakers.map(card),
    stated &&
      h(
        "p",
        { class: "soft" },
        "The source names ",
        h("bdi", {}, stated.join(" and ")),
        ", and not who is on which channel.",
      ),
    facts(page.quality.map(([name, text]) => [name, text, null])),
  );
}

export function licence(page) {
  const missing = page.licence.filter(([, text]) => text === null).length;
  return h(
    "section",
    { class: "card", id: "licence" },
    h("h2", {}, "Licence and evidence"),
    missing > 0 && h("p", { class: "small soft" }, `Nobody stated ${missing} of ${page.licence.length}.`),
    facts(page.licence),
  );
}

export function provenance(page) {
  const withdraw = ([kind, value]) =>
    value &&
    h(
      "a",
      { class: "button", href: `#withdraw?${new URLSearchParams({ [kind]: value })}` },
      `Withdraw this ${kind}: what goes?`,
    );
  return h(
    "section",
    { class: "card", id: "provenance" },
    h("h2", {}, "Where it comes from"),
    h(
      "ol",
      { class: "chain" },
      page.provenance.map((step) =>
        h(
          "li",
          {},
          h("h3", {}, step.title),
          h(
            "dl",
            { class: "facts" },
            step.facts.map(([name, text, address]) => [h("dt", {}, name), h("dd", {}, fact(text, address))]),
          ),
        ),
      ),
    ),
    page.duplicates.length > 0 &&
      h(
        "p",
        {},
        "The same sound is in ",
        page.duplicates.map(([id, likeness]) => [
          h("a", { href: `#clip/${encodeURIComponent(id)}` }, h("code", {}, id.slice(0, 12))),
          ` (${(100 * likeness).toFixed(0)} %) `,
        ]),
      ),
    h(
      "p",
      { class: "buttons" },
      h(
        "a",
        { class: "button", href: `#clips?${new URLSearchParams({ recording: page.links.recording })}` },
        "Other clips of this recording",
      ),
      !isStatic &&
        [
          ["clip", page.id],
          ["recording", page.links.recording],
          ["source", page.links.source],
        ].map(withdraw),
    ),
  );
}
