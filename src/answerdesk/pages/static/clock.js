/** The time of the task on screen. Rule: a thin line; a number only in the last ten seconds; told aloud once. */
import { now } from './api.js';
import { one, t } from './dom.js';

/** More time is offered from here on. */
const SOON = 20;
const NUMBER = 10;

export class Clock {
  /** @param {{late(): void, say(text: string): void}} hears */
  constructor(hears) {
    this.hears = hears;
    this.until = 0;
    this.timer = 0;
  }

  /** Run until a time of the server's clock; a later call for the same task moves it. */
  start(until, fresh = true) {
    if (fresh) this.told = false;
    this.span = fresh ? Math.max(1, until - now()) : Math.max(this.span, until - now());
    this.until = until;
    clearInterval(this.timer);
    this.timer = setInterval(() => this.#tick(), 500);
    this.#tick();
  }

  stop() {
    clearInterval(this.timer);
    one('time').style.setProperty('--left', '0');
    one('seconds').textContent = '';
    one('more').hidden = true;
  }

  #tick() {
    const left = this.until - now();
    one('time').style.setProperty('--left', String(Math.min(1, Math.max(0, left / this.span))));
    one('time').classList.toggle('soon', left <= SOON);
    one('seconds').textContent = left <= NUMBER ? t('work.seconds', { n: Math.max(0, Math.ceil(left)) }) : '';
    one('more').hidden = left > SOON;
    if (left <= SOON && !this.told) {
      this.told = true;
      this.hears.say(t('work.soon', { n: Math.ceil(left) }));
    }
    if (left <= 0) {
      this.stop();
      this.hears.late();
    }
  }
}
