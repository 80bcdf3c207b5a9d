// Elements out of data. Text is only ever set as text: nothing here, or anywhere on the page, parses markup.

const SVG = "http://www.w3.org/2000/svg";

export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked") element[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(path, label = null) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label ?? "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const PLAY = "M7 4.5v15l12.5-7.5z";
export const PAUSE = "M6 4.5h4.2v15H6zM13.8 4.5H18v15h-4.2z";

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  if (seconds < 3570) return `${(seconds / 60).toFixed(1)} min`;
  return `${count(seconds / 3600, seconds < 360000 ? 1 : 0)} h`;
}

export function clock(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

export function count(value, digits = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function words(reason) {
  return reason.replaceAll("_", " ");
}

// A text from outside, as a link only where the server found it to be a web address and it looks like one here, too.
export function fact(text, address) {
  if (text === null) return h("span", { class: "missing" }, "missing");
  if (typeof address !== "string" || !/^https?:\/\/[^\s]+$/i.test(address)) return h("bdi", {}, text);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, h("bdi", {}, text));
}

export function facts(rows) {
  return h(
    "dl",
    { class: "facts" },
    rows.map(([name, text, address]) => [h("dt", {}, name), h("dd", {}, fact(text, address))]),
  );
}

export function say(text) {
  document.getElementById("say").textContent = text;
}

export function pager(page, pages, go) {
  if (pages < 2) return null;
  const step = (to, label) =>
    h("button", { type: "button", disabled: to < 0 || to >= pages, onclick: () => go(to) }, label);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages of the list" },
    step(page - 1, "‹ Previous"),
    h("span", {}, `Page ${count(page + 1)} of ${count(pages)}`),
    step(page + 1, "Next ›"),
  );
}

export function trouble(error) {
  return h("p", { class: "trouble", role: "alert" }, error.message || String(error));
}
