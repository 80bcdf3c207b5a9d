// What did not get in, and why.

import { count, duration, h, pager, plural, trouble, words } from "./dom.js";
import { source } from "./source.js";
import { bars, lossRows } from "./totals.js";

const KEPT = [
  ["", "all that lost something"],
  ["nothing kept", "nothing of it kept"],
  ["in part", "kept in part"],
];

export async function lostPage({ wanted, replace }) {
  const results = h("div", {});
  let timer = 0;
  const ask = async () => {
    try {
      const found = await source.lost(wanted);
      results.replaceChildren(...lostRows(found, change));
      return found;
    } catch (error) {
      results.replaceChildren(trouble(error));
      return null;
    }
  };
  const change = (name, value) => {
    if (name !== "page") wanted.delete("page");
    if (value) wanted.set(name, value);
    else wanted.delete(name);
    replace(`#lost${wanted.size ? `?${wanted}` : ""}`);
    return ask();
  };
  const found = await ask();
  const all = found?.reasons ?? [],
    chosen = `${wanted.get("stage") ?? ""}\n${wanted.get("reason") ?? ""}`;
  const why = h(
    "select",
    {
      id: "why",
      onchange: (event) => {
        const [stage, reason] = event.target.value.split("\n");
        wanted.delete("stage");
        if (stage) wanted.set("stage", stage);
        change("reason", reason);
      },
    },
    h("option", { value: "\n" }, "any reason"),
    all.map(({ stage, reason }) => h("option", { value: `${stage}\n${reason}` }, `${stage}: ${words(reason)}`)),
  );
  why.value = all.some(({ stage, reason }) => `${stage}\n${reason}` === chosen) ? chosen : "\n";
  const kept = h(
    "select",
    { onchange: (event) => change("kept", event.target.value) },
    KEPT.map(([value, text]) => h("option", { value }, text)),
  );
  kept.value = wanted.get("kept") ?? "";
  const search = h("input", {
    id: "search",
    type: "search",
    maxlength: 200,
    value: wanted.get("q") ?? "",
    placeholder: "File or words …",
    oninput: (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => change("q", event.target.value), 150);
    },
  });
  return {
    nodes: [
      h("h1", {}, "What did not get in"),
      found?.quarantined.length > 0 && quarantine(found.quarantined),
      all.length > 0 && h("section", { class: "card" }, h("h2", {}, "Why"), bars(lossRows(all), "Lost")),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Recordings"),
        h(
          "form",
          { class: "line", role: "search", onsubmit: (event) => event.preventDefault() },
          h("label", {}, h("span", {}, "Search ", h("kbd", {}, "/")), search),
          h("label", {}, "Reason", why),
          h("label", {}, "Kept", kept),
        ),
        results,
      ),
    ].filter(Boolean),
  };
}

function lostRows(found, change) {
  if (!found.total) return [h("p", { class: "empty" }, "No recording lost anything like that.")];
  const loss = (one) =>
    h(
      "li",
      {},
      h("span", { class: "badge bad" }, `${one.stage}: ${words(one.reason)}`),
      " ",
      one.end_s > one.start_s &&
        h("span", { class: "soft" }, `${duration(one.end_s - one.start_s)} from ${duration(one.start_s)}: `),
      h("bdi", {}, one.detail),
    );
  const row = (one) =>
    h(
      "article",
      { class: "recording" },
      h("h3", {}, h("bdi", {}, one.uri), one.uri_b && [" and ", h("bdi", {}, one.uri_b)]),
      h(
        "p",
        { class: "soft small" },
        one.duration_s
          ? `${duration(one.lost_s)} of ${duration(one.duration_s)} lost`
          : "never read, so of no known length",
        " · ",
        one.n_clips
          ? h(
              "a",
              { href: `#clips?${new URLSearchParams({ recording: one.recording_id ?? "" })}` },
              plural(one.n_clips, "clip"),
            )
          : "no clips",
        " · ",
        h("bdi", {}, one.licence),
        " · ",
        h("bdi", {}, one.origin),
      ),
      h(
        "ul",
        { class: "losses" },
        one.lost.map(loss),
        one.more > 0 && h("li", { class: "soft" }, `and ${count(one.more)} more`),
      ),
    );
  return [
    h("p", {}, h("strong", {}, plural(found.total, "recording")), ` · ${duration(found.lost_s)} lost`),
    ...found.recordings.map(row),
    pager(found.page, found.pages, (page) => change("page", page ? String(page) : "")),
  ].filter(Boolean);
}

function quarantine(rows) {
  return h(
    "section",
    { class: "card bad" },
    h("h2", {}, `In quarantine: ${plural(rows.length, "recording")}`),
    h(
      "p",
      { class: "soft" },
      "Their work failed again and again; they are in no index. The same build, run again, tries them again.",
    ),
    rows.map((one) =>
      h(
        "article",
        { class: "recording" },
        h("h3", {}, h("bdi", {}, one.uri)),
        h(
          "p",
          { class: "soft small" },
          one.duration_s === null ? "" : `${duration(one.duration_s)} · `,
          h("bdi", {}, one.error),
        ),
      ),
    ),
  );
}
