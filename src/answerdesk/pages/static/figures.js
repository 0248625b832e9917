/** The person's own figures in the header. Rule: asked for gently, at most every ten seconds and only when seen. */
import { get } from './api.js';
import { one } from './dom.js';
import { wanted } from './wanted.js';

const GENTLY_MS = 10000;
const language = document.documentElement.lang;
const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });

/** Money as it is earned: at least cents, at most as fine as it is paid. */
export const money = (amount) =>
  new Intl.NumberFormat(language, { style: 'currency', currency: 'USD', maximumFractionDigits: 6 }).format(Number(amount));

function show(id, text) {
  one(id).hidden = text === null;
  one(id).querySelector('b').textContent = text ?? '';
}

export class Figures {
  constructor() {
    this.asked = -Infinity;
    this.timer = 0;
    /** The last reply. */
    this.me = null;
  }

  /** Something may have changed. */
  stale() {
    if (this.timer) return;
    const wait = Math.max(0, this.asked + GENTLY_MS - performance.now());
    this.timer = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    this.timer = 0;
    if (document.hidden) return;
    await this.look().catch(() => {});
  }

  /** Ask now, and show what was said. */
  async look() {
    this.asked = performance.now();
    const me = await get('me');
    this.me = me;
    const kinds = wanted() ?? Object.keys(me.waiting);
    const waiting = kinds.reduce((sum, kind) => sum + (me.waiting[kind] ?? 0), 0);
    show('done', String(me.done));
    show('accuracy', me.accuracy === null ? null : percent.format(me.accuracy));
    show('earned', money(me.earned));
    show('waiting', String(waiting));
    return waiting;
  }
}
