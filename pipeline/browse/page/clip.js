// A clip: hear it, see who speaks when, and read where it comes from and what may be done with it.

import { PAUSE, PLAY, clock, h, icon, say, trouble } from "./dom.js";
import { key, licence, provenance, speakers, title } from "./facts.js";
import { Player } from "./player.js";
import { transcript, utterances } from "./said.js";
import { source } from "./source.js";
import { Timeline } from "./timeline.js";

const HEARD = [
  ["both", "Both"],
  ["0", "First"],
  ["1", "Second"],
];
const SOUNDS = {
  flac: "The sound is the dataset's FLAC.",
  decoded: "Decoded from the tokens: the dataset has no FLAC of this clip.",
  none: "No sound: the clip has no FLAC, and the codec of its tokens is not here.",
};

export async function clipPage({ id, back }) {
  const { page, wave } = await source.clip(id);
  const player = page.sound === "none" ? null : new Player(source.audio(id), page.duration_s);
  const lines = utterances(page);
  const timeline = new Timeline(page, player, (at) => player?.seek(at));
  const deck = player ? controls(player, timeline, page) : null;
  const said = transcript(lines, page, (at) => {
    player?.seek(at);
    timeline.show(at, true);
  });
  const picture = h(
    "section",
    { class: "card stage", "aria-label": "Player" },
    page.trouble && trouble(new Error(page.trouble)),
    deck?.node,
    timeline.node,
    key(page),
    h(
      "p",
      { class: "soft small" },
      page.withdrawn
        ? "Withdrawn: its sound and its words are not shown."
        : page.kept
          ? SOUNDS[page.sound]
          : "Not kept: no shard holds it, so there is nothing to hear.",
    ),
  );
  const stop = player ? follow(player, timeline, deck, said) : () => {};
  return {
    nodes: [
      h("p", { class: "crumbs" }, h("a", { href: back }, "‹ All clips")),
      title(page),
      picture,
      said.node,
      h("div", { class: "grid" }, speakers(page), licence(page)),
      provenance(page),
    ],
    shown: () => {
      timeline.draw();
      if (player)
        wave()
          .then((peaks) => peaks && timeline.wave(peaks))
          .catch((error) => picture.append(trouble(error)));
    },
    keys: (event) => pressed(event, player, timeline, deck, back),
    leave: () => {
      stop();
      timeline.close();
      player?.close();
    },
  };
}

function controls(player, timeline, page) {
  const play = h(
    "button",
    {
      type: "button",
      id: "play",
      class: "play",
      "aria-label": "Play",
      "aria-keyshortcuts": "Space",
      onclick: () => player.toggle(),
    },
    icon(PLAY),
  );
  const time = h("output", { id: "time", class: "time" }, `${clock(0)} / ${clock(page.duration_s)}`);
  const radios = HEARD.map(([value, label]) =>
    h(
      "label",
      { class: `heard v${value}` },
      h("input", {
        type: "radio",
        name: "heard",
        value,
        checked: value === "both",
        onchange: () => player.hear(value),
      }),
      h("span", {}, label),
    ),
  );
  const zoom = (factor, sign, label) =>
    h("button", { type: "button", class: "quiet", "aria-label": label, onclick: () => timeline.zoom(factor) }, sign);
  const node = h(
    "div",
    { class: "controls" },
    play,
    time,
    h("fieldset", { class: "radios", "aria-label": "Which speaker is heard" }, radios),
    h("span", { class: "zoom" }, zoom(1.6, "−", "Zoom out"), zoom(1 / 1.6, "+", "Zoom in")),
  );
  return { node, play, time, radios };
}

function follow(player, timeline, deck, said) {
  let frame = 0;
  const tick = () => {
    timeline.show(player.time);
    said.mark(player.time);
    deck.time.value = `${clock(player.time)} / ${clock(player.length_s)}`;
    if (player.playing) frame = requestAnimationFrame(tick);
  };
  const state = () => {
    deck.play.replaceChildren(icon(player.playing ? PAUSE : PLAY));
    deck.play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    cancelAnimationFrame(frame);
    tick();
  };
  for (const name of ["play", "pause", "ended", "seeked", "moved"]) player.addEventListener(name, state);
  player.addEventListener("heard", () => {
    for (const { firstChild } of deck.radios) firstChild.checked = firstChild.value === player.heard;
  });
  player.addEventListener("error", () => {
    if (player.audio.getAttribute("src")) say("The sound cannot be played.");
    deck.node.classList.add("silent");
  });
  return () => cancelAnimationFrame(frame);
}

function pressed(event, player, timeline, deck, back) {
  const { key, shiftKey } = event;
  if (key === "Escape") {
    location.hash = back;
    return true;
  }
  if (key === "+" || key === "=") {
    timeline.zoom(1 / 1.6);
    return true;
  }
  if (key === "-") {
    timeline.zoom(1.6);
    return true;
  }
  if (key === "j" || key === "k") {
    neighbour(key === "j" ? 1 : -1, back);
    return true;
  }
  if (!player || (event.target.type === "radio" && key.startsWith("Arrow"))) return false;
  const step = { ArrowLeft: -2, ArrowRight: 2 }[key];
  if (key === " ") player.toggle();
  else if (step) player.seek(player.time + step * (shiftKey ? 5 : 1));
  else if (key === "Home") player.seek(0);
  else if (key === "End") player.seek(player.length_s);
  else if ("012".includes(key)) player.hear(["both", "0", "1"][Number(key)]);
  else return false;
  return true;
}

// The clip after or before this one in the list that the person came from.
async function neighbour(step, back) {
  const wanted = new URLSearchParams(back.split("?")[1] ?? ""),
    id = decodeURIComponent(location.hash.split("/")[1] ?? "");
  const { clips } = await source.clips(wanted),
    at = clips.findIndex((clip) => clip.id === id),
    next = clips[at + step];
  if (at < 0 || !next) return say("No more clips on this page of the list.");
  location.hash = `#clip/${encodeURIComponent(next.id)}`;
}
