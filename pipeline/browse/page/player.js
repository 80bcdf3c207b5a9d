// The sound of a clip: both channels, or either one alone in both ears.

export class Player extends EventTarget {
  constructor(address, length_s) {
    super();
    this.length_s = length_s;
    this.heard = "both";
    this.audio = new Audio();
    this.audio.preload = "metadata";
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "error", "waiting", "playing"])
      this.audio.addEventListener(name, () => this.dispatchEvent(new Event(name)));
    this.audio.src = address;
  }

  get time() {
    return this.audio.currentTime;
  }
  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  seek(seconds) {
    this.audio.currentTime = Math.min(Math.max(seconds, 0), Math.max(this.length_s - 0.01, 0));
    this.dispatchEvent(new Event("moved"));
  }

  async toggle() {
    if (this.playing) return this.audio.pause();
    if (this.heard !== "both") this.route();
    if (this.context?.state === "suspended") await this.context.resume();
    return this.audio.play().catch((error) => {
      if (error.name !== "AbortError") this.dispatchEvent(new Event("error"));
    });
  }

  hear(which) {
    this.heard = which;
    if (which !== "both" || this.context) this.route();
    this.dispatchEvent(new Event("heard"));
  }

  // Both: a channel for either ear. One: it in both ears, the other nowhere. Without Web Audio both stay on.
  route() {
    if (!this.context) {
      this.context = new AudioContext();
      const splitter = this.context.createChannelSplitter(2),
        merger = this.context.createChannelMerger(2);
      this.context.createMediaElementSource(this.audio).connect(splitter);
      this.gains = [0, 1].map((from) =>
        [0, 1].map((to) => {
          const gain = this.context.createGain();
          splitter.connect(gain, from);
          gain.connect(merger, 0, to);
          return gain;
        }),
      );
      merger.connect(this.context.destination);
    }
    this.gains.forEach((row, from) =>
      row.forEach((gain, to) => {
        gain.gain.value = this.heard === "both" ? Number(from === to) : Number(String(from) === this.heard);
      }),
    );
    if (this.context.state === "suspended" && this.playing) this.context.resume();
  }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.context?.close();
  }
}
