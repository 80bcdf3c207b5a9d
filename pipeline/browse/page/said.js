// What is said in a clip, as lines of a play that follow the sound.

import { clock, h } from "./dom.js";

const PAUSE_S = 1.2;

// Words of one speaker up to a pause or the other one's turn, as lines of a play.
export function utterances(page) {
  const all = page.words.flatMap((channel, which) =>
    channel.map(([text, start, end, confidence]) => ({ which, text, start, end, confidence })),
  );
  const lines = [[], []].map(() => null),
    found = [];
  for (const word of all.sort((a, b) => a.start - b.start || a.which - b.which)) {
    const open = lines[word.which],
      other = lines[1 - word.which];
    const turned = open && other && other.start > open.end && other.words.length > 2;
    if (open && !turned && word.start - open.end < PAUSE_S) {
      open.words.push(word);
      open.end = word.end;
    } else {
      lines[word.which] = { which: word.which, start: word.start, end: word.end, words: [word] };
      found.push(lines[word.which]);
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

export function transcript(lines, page, seek) {
  const rows = lines.map((line) =>
    h(
      "li",
      { class: `v${line.which}` },
      h(
        "button",
        { type: "button", class: "at", "aria-label": `Go to ${clock(line.start)}`, onclick: () => seek(line.start) },
        clock(line.start),
      ),
      h("bdi", { class: "who" }, page.speakers[line.which]?.name ?? ""),
      h(
        "p",
        {},
        line.words.map((word) => [
          h("span", { class: word.confidence > 0 ? "w" : "w guess", onclick: () => seek(word.start) }, word.text),
          " ",
        ]),
      ),
    ),
  );
  let current = null;
  const mark = (at) => {
    const now = lines.findLastIndex((line) => line.start <= at + 0.05 && line.end >= at - 0.3);
    if (now === current) return;
    rows[current]?.classList.remove("now");
    rows[now]?.classList.add("now");
    current = now;
  };
  const body = rows.length
    ? h("ol", { class: "said", tabindex: "0", "aria-label": "What is said" }, rows)
    : h("p", { class: "soft" }, "Nobody wrote down or recognised what is said.");
  return { node: h("section", { class: "card" }, h("h2", {}, "Words"), body), mark };
}
