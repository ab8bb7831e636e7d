// What a page hears, measured at its WebRTC connections.

import { holds, until } from "./harness.mjs";

/** Energy of sound that counts as a syllable. */
const SYLLABLE = 1e-5;
/** More than any sound that is there, less than a syllable. */
const SILENCE = 1e-6;

/** Runs in the page before its own scripts: remembers every connection, so that its statistics can be read. */
export function keepConnections() {
  window.kept = [];
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args);
      window.kept.push(this);
    }
  };
}

/** A figure of all audio that comes in, summed up: `packetsReceived`, `totalAudioEnergy`. */
export function received(page, figure) {
  return page.evaluate(async (figure) => {
    let sum = 0;
    for (const connection of window.kept) {
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === "inbound-rtp" && entry.kind === "audio") sum += entry[figure] ?? 0;
      }
    }
    return sum;
  }, figure);
}

/** Somebody with a `name` and a `page` that began with `keepConnections`. */
export class Listener {
  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  energy() {
    return received(this.page, "totalAudioEnergy");
  }

  /** Sound arrives that was not there when asked. */
  async hears() {
    let last = await this.energy();
    await until(async () => {
      const before = last;
      last = await this.energy();
      return last > before + SYLLABLE;
    }, 20_000, `${this.name} hears something`);
  }

  /** Nothing is heard any more, for longer than the pauses between syllables. */
  async hearsNothing() {
    let last = -1;
    await until(async () => {
      const before = last;
      last = await this.energy();
      return Math.abs(last - before) < SILENCE;
    }, 10_000, `${this.name} stops hearing`);
    const now = await this.energy();
    await holds(async () => (await this.energy()) < now + SILENCE, 1_500, `${this.name} hears nothing`);
  }
}
