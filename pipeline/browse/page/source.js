// Where the page's data come from: the server of `duplexset browse`, or the files that `--static` wrote.

async function fetched(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (!answer.ok) throw new Error((await answer.text()).trim().slice(0, 500) || `no answer (${answer.status})`);
  return answer.json();
}

class Server {
  start() {
    return fetched("api/start");
  }
  clips(wanted) {
    return fetched(`api/clips?${wanted}`);
  }
  async clip(id) {
    const page = await fetched(`api/clip?${new URLSearchParams({ id })}`);
    const wave = () =>
      page.sound === "none" ? Promise.resolve(null) : fetched(`api/wave?${new URLSearchParams({ id })}`);
    return { page, wave };
  }
  audio(id) {
    return `api/audio?${new URLSearchParams({ id })}`;
  }
  lost(wanted) {
    return fetched(`api/lost?${wanted}`);
  }
  totals() {
    return fetched("api/totals");
  }
  withdraw(wanted) {
    return fetched(`api/withdraw?${wanted}`);
  }
}

const PAGE = 50;
const CHOICES = ["licence", "consent", "source", "holder", "split", "reason", "language"];
const RANGES = {
  overlap: (c) => times(c.overlap),
  leakage: (c) => c.leakage,
  length: (c) => c.duration_s,
  confidence: (c) => c.confidence,
  quieter: (c) => times(c.quieter),
};
const FLAGS = {
  separated: (c) => c.separated,
  enhanced: (c) => c.enhanced,
  withdrawn: (c) => c.withdrawn,
  commercial: (c) => c.commercial,
  worded: (c) => (c.words === null ? null : c.words > 0),
};
const SORTS = {
  id: (c) => c.id,
  length: (c) => c.duration_s,
  overlap: (c) => c.overlap,
  leakage: (c) => c.leakage,
  confidence: (c) => c.confidence,
  quieter: (c) => c.quieter,
  words: (c) => c.words,
};
const ANSWER = { yes: true, no: false, unknown: null };

const times = (share) => (share === null ? null : 100 * share);
const keyOf = (clip, name) => clip.keys?.[name] ?? clip[name] ?? "";

// The same rules as `filters.py` has.
export function tests(wanted) {
  const found = [];
  for (const name of CHOICES) {
    const values = wanted.getAll(name);
    if (values.length) found.push((clip) => values.includes(keyOf(clip, name)));
  }
  for (const [name, value] of Object.entries(RANGES)) {
    const [low, high] = (wanted.get(name) || "..").split("..");
    if (low) found.push((clip) => value(clip) !== null && value(clip) >= Number(low));
    if (high) found.push((clip) => value(clip) !== null && value(clip) <= Number(high));
  }
  for (const [name, value] of Object.entries(FLAGS)) {
    const answer = wanted.get(name);
    if (answer) found.push((clip) => value(clip) === ANSWER[answer]);
  }
  const speaker = wanted.get("speaker"),
    recording = wanted.get("recording"),
    text = (wanted.get("q") || "").trim().toLowerCase();
  if (speaker) found.push((clip) => clip.speakers.includes(speaker) || (clip.stated || []).includes(speaker));
  if (recording) found.push((clip) => clip.recording === recording);
  if (text)
    found.push(
      (clip) =>
        clip.id.startsWith(text) ||
        `${clip.uri} ${clip.speakers.join(" ")} ${clip.detail ?? ""}`.toLowerCase().includes(text),
    );
  return found;
}

export function compare(sort) {
  const backwards = sort.startsWith("-") ? -1 : 1;
  const value = SORTS[sort.replace(/^-/, "")] ?? SORTS.id;
  return (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null) || (a.id < b.id ? -1 : 1);
    return backwards * (x < y ? -1 : x > y ? 1 : 0) || (a.id < b.id ? -1 : 1);
  };
}

class Files {
  start() {
    return fetched("data/start.json");
  }
  async clips(wanted) {
    this.rows ??= fetched("data/clips.json");
    const conditions = tests(wanted),
      page = Number(wanted.get("page") || 0);
    const found = (await this.rows)
      .filter((clip) => conditions.every((holds) => holds(clip)))
      .sort(compare(wanted.get("sort") || "id"));
    const seconds = found.reduce((sum, clip) => sum + clip.duration_s, 0);
    return {
      clips: found.slice(page * PAGE, (page + 1) * PAGE),
      total: found.length,
      seconds,
      page,
      pages: Math.ceil(found.length / PAGE),
    };
  }
  async clip(id) {
    if (!/^[0-9a-f]{32}$/.test(id)) throw new Error("there is no such clip");
    const { page, wave } = await fetched(`clips/${id}.json`);
    return { page, wave: () => Promise.resolve(wave) };
  }
  audio(id) {
    return `sound/${id}.flac`;
  }
  async lost(wanted) {
    this.lostRows ??= fetched("data/lost.json");
    const whole = await this.lostRows,
      page = Number(wanted.get("page") || 0);
    const text = (wanted.get("q") || "").toLowerCase(),
      stage = wanted.get("stage"),
      reason = wanted.get("reason"),
      kept = wanted.get("kept") || "all";
    const found = whole.recordings.filter(
      (one) =>
        (!stage || one.lost.some((loss) => loss.stage === stage)) &&
        (!reason || one.lost.some((loss) => loss.reason === reason)) &&
        (kept === "all" || (kept === "nothing kept") === (one.n_clips === 0)) &&
        (!text || `${one.uri} ${one.lost.map((loss) => loss.detail).join(" ")}`.toLowerCase().includes(text)),
    );
    const lost_s = found.reduce((sum, one) => sum + one.lost_s, 0);
    return {
      ...whole,
      recordings: found.slice(page * PAGE, (page + 1) * PAGE),
      total: found.length,
      lost_s,
      page,
      pages: Math.ceil(found.length / PAGE),
    };
  }
  totals() {
    return fetched("data/totals.json");
  }
  withdraw() {
    return Promise.reject(new Error("this is a copy: `duplexset browse OUT` shows what a withdrawal would take out"));
  }
}

export const isStatic = document.documentElement.dataset.mode === "static";
export const source = isStatic ? new Files() : new Server();
