// The work on one image: objects on its frames, undo, and saving after each step.

import { content, json, say, send, server } from "./server.js";

export const emptyObject = (label = "") => ({
  label, clicks: [], box: null, model: null, add: null, erase: null, facts: null, tracked: false,
});
const emptyWork = () => ({ objects: [emptyObject()], current: 0 });
const copy = (value) => JSON.parse(JSON.stringify(value));

/** Steps that can be undone: in this tab, and after reloading. */
const [longest, stored] = [200, 20];

export class Draft {
  /** The objects by frame, and the size of a pixel that a person gave. */
  frames = {};
  spacing = null;
  /** The versions of the accepted masks that this page has seen, by frame. */
  accepted = {};
  past = [];
  future = [];
  /** The version on the server that this page has seen. */
  tag = null;
  /** Counts saves in this browser; another tab's save has another number. */
  revision = 0;
  isConflicting = false;
  #isDirty = false;
  #sending = null;
  #timer = null;

  /** `changed(frame)` redraws the page, `conflict()` lets the person choose a version. */
  constructor(image, { changed, conflict }) {
    this.image = image;
    this.key = `samus:${image.sha256}`;
    Object.assign(this, { changed, conflict });
  }

  work(frame) {
    this.frames[frame] ||= emptyWork();
    return this.frames[frame];
  }

  /** Whether anything was drawn on a frame. */
  has(frame) {
    return Boolean(this.frames[frame]?.objects.some((object) => object.clicks.length || object.box || object.model || object.add));
  }

  // --- Undo ------------------------------------------------------------------------------------

  /** Makes a change of frames that can be undone. */
  change(frame, body, numbers = [frame]) {
    this.begin(frame, numbers);
    body(this.work(frame));
    this.end(frame);
  }

  begin(frame, numbers = [frame]) {
    this.past.push(this.#state(frame, numbers));
    if (this.past.length > longest) this.past.shift();
    this.future = [];
  }

  end(frame) {
    this.save();
    this.changed(frame);
  }

  undo() { return this.#step(this.past, this.future); }
  redo() { return this.#step(this.future, this.past); }

  #state(frame, numbers) {
    return {
      frame, spacing: this.spacing,
      works: Object.fromEntries(numbers.map((number) => [number, copy(this.frames[number] ?? null)])),
    };
  }

  /** Returns the frame that has changed. */
  #step(from, to) {
    const former = from.pop();
    if (!former) return null;
    to.push(this.#state(former.frame, Object.keys(former.works)));
    for (const [number, work] of Object.entries(former.works)) {
      if (work) this.frames[number] = work;
      else delete this.frames[number];
    }
    this.spacing = former.spacing;
    this.end(former.frame);
    return former.frame;
  }

  // --- Saving ----------------------------------------------------------------------------------

  get #document() {
    return {
      format_version: 1, frames: this.frames, spacing: this.spacing, accepted: this.accepted,
      past: this.past.slice(-stored), future: this.future.slice(-stored),
    };
  }

  #adopt(document) {
    this.frames = document.frames || {};
    this.spacing = document.spacing ?? null;
    this.accepted = document.accepted || {};
    this.past = document.past || [];
    this.future = document.future || [];
  }

  /** In this browser at once, and soon on the server. */
  save() {
    const other = this.#local();
    if (other && other.revision > this.revision) {
      this.#stop("Another tab has changed this image. Load its version, or keep this one.");
      return;
    }
    this.revision++;
    this.#isDirty = true;
    this.#saveLocally();
    if (server.hasFolder && !this.isConflicting) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#send(), 300);
    }
  }

  #local() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  #saveLocally() {
    const { revision, tag } = this;
    const text = JSON.stringify({ revision, tag, isDirty: this.#isDirty, document: this.#document });
    try {
      localStorage.setItem(this.key, text);
    } catch {
      // Other images of the served folder are saved there.
      if (server.hasFolder) localStorage.removeItem(this.key);
      else say("The browser's storage is full: this image is not saved automatically.", true);
    }
  }

  /** When the page is left: what is short enough still gets to the server. */
  leave() {
    if (!this.#isDirty || this.isConflicting || !server.hasFolder) return;
    const body = JSON.stringify(this.#document);
    if (body.length < 60000) this.#put(body, { keepalive: true }).catch(() => {});
  }

  #put(body, options = {}) {
    return send(`v1/images/${this.image.id}/draft`, {
      method: "PUT", headers: { "Content-Type": "application/json", ...(this.tag && { "If-Match": this.tag }) },
      body, ...options,
    });
  }

  /** Saves until nothing is left to save; a second call waits for the first. */
  #send() {
    this.#sending ??= this.#sendAll().finally(() => { this.#sending = null; });
    return this.#sending;
  }

  async #sendAll() {
    try {
      while (this.#isDirty && !this.isConflicting) {
        const { revision } = this;
        const response = await this.#put(JSON.stringify(this.#document));
        if (response.status === 409) {
          this.#stop("Another tab or person has changed this image. Load that version, or keep this one.");
          return;
        }
        await content(response);
        this.tag = response.headers.get("ETag");
        if (revision !== this.revision) continue;
        this.#isDirty = false;
        this.#saveLocally();
      }
    } catch (error) {
      say(`Not saved on the server: ${error.message}`, true);
    }
  }

  /** Waits until nothing is left to save. */
  async finish() {
    clearTimeout(this.#timer);
    if (server.hasFolder && (this.#isDirty || this.#sending)) await this.#send();
  }

  #stop(text) {
    this.isConflicting = true;
    say(text, true);
    this.conflict();
  }

  // --- Loading ---------------------------------------------------------------------------------

  async load() {
    const local = this.#local();
    const remote = await this.#remote();
    this.revision = local?.revision ?? 0;
    if (remote && !(local?.isDirty && local.tag === remote.tag)) {
      this.#adopt(remote.document);
      this.tag = remote.tag;
      // The last save may have arrived without its answer.
      const isSame = JSON.stringify(local?.document) === JSON.stringify(remote.document);
      if (local?.isDirty && !isSame) this.#keepAsStep(local.document);
      this.#saveLocally();
    } else if (local) {
      this.#adopt(local.document);
      this.tag = remote?.tag ?? null;
      if (server.hasFolder && Object.keys(this.frames).length) this.save();
    }
  }

  /** Takes the version of the other tab or person; this one can be brought back by undo. */
  async takeOther() {
    const mine = this.#document;
    const remote = await this.#remote();
    const local = this.#local();
    const other = local && local.revision > this.revision ? local.document : remote?.document;
    if (other) this.#adopt(other);
    this.#keepAsStep(mine);
    await this.#resolve(local, remote);
  }

  /** Replaces the version of the other tab or person. */
  async keepMine() {
    await this.#resolve(this.#local(), await this.#remote());
  }

  async #resolve(local, remote) {
    this.tag = remote?.tag ?? null;
    this.revision = Math.max(this.revision, local?.revision ?? 0);
    this.isConflicting = false;
    this.save();
  }

  #keepAsStep(document) {
    const numbers = new Set([...Object.keys(this.frames), ...Object.keys(document.frames || {})]);
    const works = Object.fromEntries([...numbers].map((number) => [number, document.frames?.[number] ?? null]));
    this.past.push({ frame: Number([...numbers][0] ?? 1), spacing: document.spacing ?? null, works });
    this.future = [];
  }

  async #remote() {
    if (!server.hasFolder) return null;
    const response = await send(`v1/images/${this.image.id}/draft`);
    const document = await content(response);
    return document && { document, tag: response.headers.get("ETag") };
  }

  /** The accepted masks of a frame as work; null where there are none. */
  async loadAccepted(frame) {
    if (!server.hasFolder) return null;
    const response = await send(`v1/images/${this.image.id}/annotation?frame=${frame}`);
    if (response.status === 404) {
      delete this.accepted[frame];
      return null;
    }
    const record = await content(response);
    this.accepted[frame] = response.headers.get("ETag");
    const objects = record.objects.map((object) => ({
      ...emptyObject(object.label), clicks: object.clicks || [], box: object.box || null, model: object.mask.counts,
      facts: { found: true, iou_estimate: object.iou_estimate, presence: object.presence, notes: [] },
    }));
    return objects.length ? { objects, current: 0 } : null;
  }
}

/** Saves a draft of an image that nobody has begun. */
export async function saveNew(image, objects) {
  const document = { format_version: 1, frames: { 1: { objects, current: 0 } }, spacing: null, accepted: {}, past: [], future: [] };
  await json(`v1/images/${image.id}/draft`, {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(document),
  });
}
