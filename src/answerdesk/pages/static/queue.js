/**
 * The next task, reserved and decoded while this one is answered. Rule: at most one lies ready; it is kept while the
 * page lives and given back when the person pauses or leaves, and nobody's clock runs for what nobody sees.
 */
import { Problem, post } from './api.js';
import { prepare } from './prepare.js';
import { wanted } from './wanted.js';

const KEEP_MS = 15000;
const STALE_MS = 20000;
const LOOK_MS = [1500, 3000, 5000];
const LONG_WAIT = 25;

/** A pause that a signal may cut short. */
const rest = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); done(); }, { once: true });
  });

export class Queue {
  constructor() {
    /** @type {{empty(): void, broken(lease: Object): void, signIn(): Promise<void>}} */
    this.hears = null;
    this.next = null;
    this.coming = null;
    this.paused = false;
    this.looks = 0;
    this.timer = 0;
    this.stop = new AbortController();
    setInterval(() => this.#keep(), KEEP_MS);
  }

  /** What a claim asks for. */
  claim(wait = 0) {
    return { max: 1, wait, reserve: true, kinds: wanted() };
  }

  /** Take what lies ready, if anything does. */
  pop() {
    const task = this.next;
    this.next = null;
    return task;
  }

  /** Whether a call under way may bring the next claim along. */
  get wants() {
    return !this.paused && !this.next && !this.coming;
  }

  /** The reply to a call with a claim is coming; null if it failed. */
  expect(reply) {
    this.coming = reply.then((said) => this.#accept(said?.leases ?? [])).finally(() => { this.coming = null; });
    this.coming.then(() => this.fill());
  }

  /** Put a task back that is on screen: it is next again, and its clock runs on. */
  putBack(task) {
    if (this.next) this.#release([this.next]);
    task.kept ??= Date.now();
    this.next = task;
  }

  /** Look for the next task, now and then while there is none. */
  fill() {
    clearTimeout(this.timer);
    if (!this.wants) return;
    this.coming = this.#claim(0).catch(() => {}).finally(() => { this.coming = null; });
    this.coming.then(() => {
      this.looks = this.next ? 0 : this.looks + 1;
      if (this.wants) this.timer = setTimeout(() => this.fill(), LOOK_MS[Math.min(this.looks, LOOK_MS.length) - 1]);
    });
  }

  /** Wait for a task as long as it takes; null when paused meanwhile. */
  async take() {
    clearTimeout(this.timer);
    const { signal } = this.stop;
    let wait = 0;
    for (let failures = 0; !signal.aborted;) {
      await this.coming;
      if (this.next || signal.aborted) break;
      try {
        const found = await this.#claim(wait, signal);
        failures = 0;
        if (!found) this.hears.empty();
        wait = found ? 0 : LONG_WAIT;
      } catch (problem) {
        if (problem.status === 401) await this.hears.signIn();
        else await rest(Math.min(15000, 500 * 2 ** failures++), signal);
      }
    }
    return signal.aborted ? null : this.pop();
  }

  /** Stop looking, and give back what lies ready. */
  pause() {
    this.paused = true;
    this.stop.abort();
    clearTimeout(this.timer);
    if (this.next) this.#release([this.pop()]);
  }

  resume() {
    this.paused = false;
    this.stop = new AbortController();
  }

  async #claim(wait, signal) {
    const { leases } = await post('claim', this.claim(wait), { signal });
    await this.#accept(leases);
    return leases.length > 0;
  }

  async #accept([lease, ...more]) {
    if (!lease) return;
    if (this.paused || this.next) return this.#release([lease, ...more]);
    try {
      const task = await prepare(lease);
      if (this.paused) return this.#release([lease]);
      this.next = { ...task, kept: Date.now() };
    } catch (problem) {
      // A picture that cannot be shown is nothing to answer; one that did not come through is somebody else's.
      if (problem instanceof Problem || !navigator.onLine) this.#release([lease]);
      else this.hears.broken(lease);
    }
  }

  #release(tasks) {
    const leases = tasks.map((task) => task.lease);
    post('release', { leases }).catch(() => {});
  }

  /** Keep the reservation; one that is gone makes place for another. */
  async #keep() {
    const task = this.next;
    if (!task?.reserved) return;
    try {
      const kept = await post('keep', { lease: task.lease });
      if (!kept.why) task.kept = Date.now();
      else if (this.next === task) this.next = null;
    } catch {
      if (this.next === task && Date.now() - task.kept > STALE_MS) this.next = null;
    }
    if (!this.next) this.fill();
  }
}
