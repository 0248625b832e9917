/**
 * The round of a person's work: show, answer, next. Rule: the next task is painted without waiting for any reply;
 * one call says the answer, starts the clock of what is now on screen, and reserves what comes after.
 */
import { now, post } from './api.js';
import { seen } from './breaks.js';
import { t } from './dom.js';
import { pause } from './rest.js';

/** What a task's own clock usually gives, until the server says. */
const USUAL_SECONDS = 60;
const LOST = new Set(['settled', 'cancelled', 'revoked', 'said']);

export class Loop {
  /** Take the parts: `{screen, queue, outbox, clock, there}`. */
  constructor(parts) {
    Object.assign(this, parts);
    this.current = null;
    this.kept = null;
    this.last = null;
    this.armed = false;
    this.paused = false;
    this.begun = 0;
  }

  /** Paint a task now. */
  begin(task) {
    this.current = task;
    this.armed = false;
    this.begun = performance.now();
    if (this.screen.task !== task) this.screen.show(task);
    if (task.practice) this.clock.stop();
    else this.clock.start(task.reserved ? now() + USUAL_SECONDS : task.until);
  }

  /** Wait for a task and show it. */
  async advance(coming = null) {
    this.current = null;
    this.clock.stop();
    if (!coming) this.screen.state('loading');
    const task = await (coming ?? this.queue.take());
    if (!task) return;
    this.queue.putBack(task);
    await seen();
    if (!this.current && !this.paused) this.forward();
  }

  /** Go on to what lies ready, or wait. */
  forward() {
    const next = this.queue.pop();
    if (!next) return this.advance();
    this.begin(next);
    if (next.reserved) this.#start(next);
    this.queue.fill();
  }

  /** Start a task's clock; its lease may be gone. */
  async #start(task) {
    while (this.current === task) {
      try {
        return this.#started(task, await post('show', { lease: task.lease }));
      } catch (problem) {
        if (!problem.passing) return;
        await new Promise((done) => { setTimeout(done, 1000); });
      }
    }
  }

  #started(task, said) {
    task.reserved = false;
    if (said.until) task.until = said.until;
    if (this.current !== task) return;
    if (said.why) this.lost(said.why);
    else this.clock.start(task.until);
  }

  /** The task on screen is no longer this person's. */
  lost(why) {
    this.screen.note(t(`work.lost.${LOST.has(why) ? why : 'expired'}`));
    this.forward();
  }

  /** Send the answer on screen, unless it cannot be one. What may be wrong is sent at the second asking. */
  submit() {
    const { mode } = this.screen;
    if (!this.current || !mode) return;
    const wrong = mode.valid();
    const soft = wrong ? null : mode.warn?.();
    if (wrong || (soft && !this.armed)) {
      this.screen.hint(wrong ?? t('work.warn.again', { what: soft }));
      this.armed = !wrong;
      mode.focus();
      return;
    }
    const value = mode.value();
    this.#give({ path: 'answer', value, body: { lease: this.current.lease, value } });
  }

  /** Give the task back with a reason. */
  decline(reason = 'unreadable') {
    if (!this.current) return;
    this.#give({ path: 'decline', value: this.screen.mode.value(), body: { lease: this.current.lease, reason } });
  }

  #give(said) {
    const task = this.current;
    if (task.practice) return this.practised(said);
    const next = this.queue.pop();
    const claims = next && this.queue.wants;
    const extra = { ...(next?.reserved && { shown: next.lease }), ...(claims && { claim: this.queue.claim() }) };
    if (this.last?.task.audio) URL.revokeObjectURL(this.last.task.audio);
    this.last = { ...said, task };
    const reply = this.outbox.put({ path: said.path, body: said.body, extra });
    if (claims) this.queue.expect(reply);
    this.screen.last(this.last);
    if (!next) return this.advance();
    this.begin(next);
    if (extra.shown) {
      reply.then((first) => (first?.shown ? this.#started(next, first.shown) : first === null && this.#start(next)));
    }
  }

  /** The time of the task on screen is over: go on if somebody is there. */
  late() {
    if (!this.current) return;
    if (this.there.since(this.begun)) this.lost('expired');
    else pause(this, 'idle');
  }

  /** What is on screen, with what was done to it so far. */
  draft() {
    const task = this.current ?? this.kept;
    if (!task || task.practice) return null;
    if (this.current) task.before = this.screen.mode.value() ?? undefined;
    return task;
  }
}
