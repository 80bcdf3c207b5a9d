// Both channels on one time line: an overview of the whole clip, and a part of it with words, on two canvases.

import { clock, h } from "./dom.js";

const ROW = 15,
  ROWS = 3,
  LANE = 76,
  MIDDLE = 18,
  AXIS = 20;
const TOP = ROW * ROWS + 4;
const LANES = [TOP, TOP + LANE + MIDDLE];
const HEIGHT = LANES[1] + LANE + TOP + AXIS;
const OVERVIEW = 46;
const STEPS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];

export class Timeline {
  constructor(page, player, onSeek) {
    this.page = page;
    this.player = player;
    this.onSeek = onSeek;
    this.length = Math.max(page.duration_s, 0.1);
    this.peaks = null;
    this.detail = h("canvas", { class: "detail", role: "img", "aria-label": describe(page) });
    this.overview = h("canvas", { class: "overview", "aria-hidden": "true" });
    this.slider = h(
      "div",
      {
        class: "slider",
        role: "slider",
        tabindex: "0",
        "aria-label": "Position in the clip",
        "aria-valuemin": "0",
        "aria-valuemax": this.length.toFixed(1),
      },
      this.overview,
    );
    this.node = h("div", { class: "timeline" }, this.slider, this.detail);
    this.from = 0;
    this.seconds = Math.min(this.length, Math.max(6, Math.min(20, (document.documentElement.clientWidth - 40) / 52)));
    this.watch();
  }

  watch() {
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.node);
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.themed = () => {
      this.colours = null;
      this.draw();
    };
    this.theme.addEventListener("change", this.themed);
    drag(this.detail, (x, width) => this.onSeek(this.from + (x / width) * this.seconds));
    drag(this.slider, (x, width) => {
      this.onSeek((x / width) * this.length);
      this.show(this.player?.time ?? (x / width) * this.length, true);
    });
    this.detail.addEventListener(
      "wheel",
      (event) => {
        const pixels =
          Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
        if (!pixels) return;
        event.preventDefault();
        this.move(this.from + (pixels / this.detail.clientWidth) * this.seconds);
      },
      { passive: false },
    );
  }

  close() {
    this.resized.disconnect();
    this.theme.removeEventListener("change", this.themed);
  }

  wave({ bins_per_s, channels }) {
    this.bins = bins_per_s;
    this.peaks = channels.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
    this.draw();
  }

  zoom(factor) {
    const at = this.player?.time ?? this.from,
      share = Math.min(Math.max((at - this.from) / this.seconds, 0), 1);
    this.seconds = Math.min(Math.max(this.seconds * factor, 1), this.length);
    this.move(at - share * this.seconds);
  }

  move(from) {
    this.from = Math.min(Math.max(from, 0), Math.max(this.length - this.seconds, 0));
    this.draw();
  }

  // Keep the position in sight: turn a page when it leaves, or put it in the middle.
  show(at, middle = false) {
    if (middle) this.from = at - this.seconds / 2;
    else if (at < this.from || at > this.from + this.seconds * 0.96) this.from = at - this.seconds * 0.08;
    this.move(this.from);
  }

  draw() {
    const at = this.player?.time ?? 0;
    this.slider.setAttribute("aria-valuenow", at.toFixed(1));
    this.slider.setAttribute("aria-valuetext", `${clock(at)} of ${clock(this.length)}`);
    this.colours ??= colours(this.node);
    const small = fit(this.overview, OVERVIEW),
      large = fit(this.detail, HEIGHT);
    if (small) this.drawOverview(small, this.overview.clientWidth, at);
    if (large) this.drawDetail(large, this.detail.clientWidth, at);
  }

  drawOverview(pen, width, at) {
    const c = this.colours,
      x = (seconds) => (seconds / this.length) * width;
    pen.fillStyle = c.ground;
    pen.fillRect(0, 0, width, OVERVIEW);
    pen.fillStyle = c.overlap;
    pen.globalAlpha = 0.35;
    for (const [start, end] of this.page.timeline.overlaps)
      pen.fillRect(x(start), 0, Math.max(x(end) - x(start), 1), OVERVIEW);
    [0, 1].forEach((channel) => {
      const top = 3 + channel * 21;
      pen.fillStyle = c.voices[channel];
      pen.globalAlpha = this.peaks ? 0.25 : 0.6;
      for (const [which, start, end] of this.page.timeline.segments)
        if (which === channel) pen.fillRect(x(start), top, Math.max(x(end) - x(start), 0.5), 19);
      pen.globalAlpha = 1;
      if (this.peaks) this.outline(pen, channel, 0, this.length, width, top + 9.5, 9.5);
    });
    pen.globalAlpha = 1;
    pen.strokeStyle = c.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(x(this.from) + 0.75, 0.75, Math.max(x(this.seconds) - 1.5, 3), OVERVIEW - 1.5);
    pen.fillStyle = c.head;
    pen.fillRect(x(at) - 1, 0, 2, OVERVIEW);
  }

  drawDetail(pen, width, at) {
    const c = this.colours,
      to = this.from + this.seconds,
      x = (seconds) => ((seconds - this.from) / this.seconds) * width;
    const each = (spans, work) => {
      for (const span of spans) if (span[1] > this.from - 1 && span[0] < to) work(x(span[0]), x(span[1]), span);
    };
    const channelSpans = (spans, channel) =>
      spans.filter((span) => span[0] === channel).map(([, start, end]) => [start, end]);
    const lanes = [LANES[0], LANES[1] + LANE - LANES[0]],
      { timeline } = this.page;
    pen.clearRect(0, 0, width, HEIGHT);
    pen.fillStyle = c.ground;
    pen.fillRect(0, lanes[0], width, lanes[1]);
    each(timeline.overlaps, (a, b) => {
      pen.fillStyle = c.overlap;
      pen.globalAlpha = 0.2;
      pen.fillRect(a, lanes[0], Math.max(b - a, 1), lanes[1]);
    });
    [0, 1].forEach((channel) => {
      const top = LANES[channel],
        edge = channel ? top + LANE - 5 : top;
      pen.fillStyle = c.voices[channel];
      pen.globalAlpha = 0.16;
      each(channelSpans(timeline.segments, channel), (a, b) => pen.fillRect(a, top, b - a, LANE));
      pen.globalAlpha = 1;
      each(channelSpans(timeline.turns, channel), (a, b) =>
        pen.fillRect(a, channel ? edge + 2 : edge, Math.max(b - a - 1, 1), 3),
      );
      if (this.peaks) this.outline(pen, channel, this.from, this.seconds, width, top + LANE / 2, LANE / 2 - 7);
      pen.fillStyle = c.backchannel;
      each(channelSpans(timeline.backchannels, channel), (a, b) => pen.fillRect(a, edge, Math.max(b - a, 2), 5));
      this.words(pen, channel, x, width);
    });
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    let free = -Infinity;
    each(timeline.overlaps, (a, b, [, , kind, confidence]) => {
      const text = confidence === null ? kind : `${kind} ${confidence.toFixed(2)}`,
        left = Math.max(a, 2);
      if (left < free) return;
      pen.fillStyle = c.overlapInk;
      pen.fillText(text, left, LANES[0] + LANE + MIDDLE / 2);
      free = left + pen.measureText(text).width + 8;
    });
    this.axis(pen, x, width, to);
    pen.fillStyle = c.head;
    pen.fillRect(x(at) - 1, 0, 2, HEIGHT - AXIS + 4);
  }

  outline(pen, channel, from, seconds, width, middle, half) {
    const peaks = this.peaks[channel],
      bins = (seconds * this.bins) / width;
    pen.fillStyle = this.colours.voices[channel];
    for (let at = 0; at < width; at++) {
      const first = Math.floor(from * this.bins + at * bins),
        last = Math.max(first + 1, Math.floor(from * this.bins + (at + 1) * bins));
      let peak = 0;
      for (let bin = first; bin < last && bin < peaks.length; bin++) if (peaks[bin] > peak) peak = peaks[bin];
      const size = Math.max((peak / 255) * half, 0.4);
      if (first < peaks.length) pen.fillRect(at, middle - size, 1, 2 * size);
    }
  }

  // Each word at its start, in the first row where it covers no other; one without room is a dot.
  words(pen, channel, x, width) {
    const free = Array(ROWS).fill(-Infinity),
      base = channel ? LANES[1] + LANE + 4 : 0;
    pen.textBaseline = "top";
    for (const [text, start, , confidence] of this.page.words[channel]) {
      const left = x(start);
      if (left < -120 || left > width) continue;
      pen.font = `${confidence > 0 ? "" : "italic "}12px system-ui, sans-serif`;
      pen.fillStyle = confidence > 0 ? this.colours.texts[channel] : this.colours.soft;
      const size = pen.measureText(text).width,
        row = free.findIndex((end) => end <= left);
      if (row < 0) {
        pen.fillRect(left, base + (channel ? ROWS * ROW : 0), 2, 2);
        continue;
      }
      pen.fillText(text, left, base + (channel ? row : ROWS - 1 - row) * ROW + 1);
      free[row] = left + size + 6;
    }
  }

  axis(pen, x, width, to) {
    const step = STEPS.find((one) => (one / this.seconds) * width > 62) ?? 600;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "bottom";
    pen.fillStyle = this.colours.soft;
    for (let at = Math.ceil(this.from / step) * step; at <= to; at += step) {
      pen.fillRect(x(at), HEIGHT - AXIS, 1, 4);
      const text = clock(at);
      if (x(at) + pen.measureText(text).width < width) pen.fillText(text, x(at) + 3, HEIGHT);
    }
  }
}

function colours(node) {
  const style = getComputedStyle(node),
    read = (name) => style.getPropertyValue(name).trim();
  return {
    voices: [read("--voice-0"), read("--voice-1")],
    texts: [read("--text-0"), read("--text-1")],
    overlap: read("--overlap"),
    overlapInk: read("--overlap-ink"),
    backchannel: read("--backchannel"),
    ink: read("--ink"),
    soft: read("--soft"),
    ground: read("--lane"),
    head: read("--head"),
  };
}

function fit(canvas, height) {
  const width = canvas.clientWidth,
    dots = Math.min(devicePixelRatio || 1, 3);
  if (!width) return null;
  const [w, t] = [Math.round(width * dots), Math.round(height * dots)];
  if (canvas.width !== w || canvas.height !== t) {
    canvas.width = w;
    canvas.height = t;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  return pen;
}

function drag(element, work) {
  const at = (event) => {
    const box = element.getBoundingClientRect();
    work(Math.min(Math.max(event.clientX - box.left, 0), box.width), box.width);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button === 0) {
      element.setPointerCapture(event.pointerId);
      at(event);
    }
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) at(event);
  });
}

function describe({ duration_s, timeline }) {
  return `${duration_s.toFixed(1)} s: ${timeline.turns.length} turns, ${timeline.overlaps.length} overlaps, ${timeline.backchannels.length} backchannels. What is said stands below as text.`;
}
