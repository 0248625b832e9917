/**
 * What was said and is not yet with the server. Rule: kept in this tab's storage before it is sent, sent in order,
 * again and again until the server has answered; the same answer twice gets the same reply.
 */
import { Problem, post } from './api.js';

const KEY = 'unsent';
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;

/**
 * @typedef {Object} Said
 * @property {'answer'|'decline'} path
 * @property {Object} body     The lease with its value or reason: all that a later try needs.
 * @property {Object} [extra]  What only the first try carries: the next claim, and the lease now on screen.
 * @property {(reply: Object|null) => void} [first]  Hears the first try's reply, null when it failed.
 */

export class Outbox {
  /**
   * @param {{done(said: Said, reply: Object): void, refused(said: Said, problem: Problem): void,
   *          changed(): void, signIn(): void}} hears
   */
  constructor(hears) {
    this.hears = hears;
    /** @type {Said[]} */
    this.items = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    this.tries = 0;
    this.sending = null;
    this.timer = 0;
    window.addEventListener('online', () => this.again());
    window.addEventListener('beforeunload', (event) => this.items.length && event.preventDefault());
  }

  get count() {
    return this.items.length;
  }

  /** Whether something waits longer than a call takes. */
  get late() {
    return this.tries > 0;
  }

  /** Keep and send; gives the first try's reply, null if it failed. */
  put(said) {
    return new Promise((first) => {
      this.items.push({ ...said, first });
      this.#keep();
      this.#send();
    });
  }

  /** Take back what was not sent yet; null when it is on its way or gone. */
  takeBack(lease) {
    const at = this.items.findIndex((said) => said.body.lease === lease);
    if (at < 0 || this.items[at] === this.sending) return null;
    const [said] = this.items.splice(at, 1);
    said.first?.(null);
    this.#keep();
    return said;
  }

  /** Wait until nothing of this lease is on its way. */
  async settled(lease) {
    const said = this.items.find((item) => item.body.lease === lease);
    if (said) await new Promise((resolve) => { said.over = resolve; });
  }

  /** Try now, such as after signing in. */
  again() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.#send();
  }

  #keep() {
    const kept = this.items.map(({ path, body }) => ({ path, body }));
    if (kept.length) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
    this.hears.changed();
  }

  async #send() {
    if (this.sending || this.timer || !this.items.length) return;
    const said = this.items[0];
    this.sending = said;
    const extra = said.extra;
    delete said.extra;
    try {
      const reply = await post(said.path, { ...said.body, ...extra }, { keepalive: true });
      this.tries = 0;
      this.#over(said);
      said.first?.(reply);
      this.hears.done(said, reply);
    } catch (problem) {
      said.first?.(null);
      said.first = undefined;
      if (problem instanceof Problem && problem.passing) this.#later(problem);
      else {
        this.#over(said);
        this.hears.refused(said, problem);
      }
    }
    this.sending = null;
    this.#send();
  }

  #over(said) {
    this.items.splice(this.items.indexOf(said), 1);
    this.#keep();
    said.over?.();
  }

  #later(problem) {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.timer = setTimeout(() => this.again(), wait);
    if (problem.status === 401) this.hears.signIn();
    this.hears.changed();
  }
}
