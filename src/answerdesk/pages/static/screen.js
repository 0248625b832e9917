/** What is on screen: one task, or one sentence about why there is none. Rule: a task is painted in one go. */
import { h, one, plain, t } from './dom.js';
import { keysOf, print } from './keys.js';
import { face, hears, hint, say, show } from './show.js';

const SHORT = 24;

/** Name an answer in a few characters. */
export function brief(kind, value) {
  if (typeof value === 'string') return value.length > SHORT ? `${value.slice(0, SHORT - 1)}…` : value;
  return t('work.marks', { n: Array.isArray(value) ? value.length : 0 });
}

export class Screen {
  /** Take over what is shown already, if anything is, and who hears of each change of the answer. */
  constructor({ task = null, mode = null }, changed) {
    this.task = task;
    this.mode = mode;
    hears.changed = changed;
  }

  /** Show a task. Its module has been loaded with its pictures. */
  show(task) {
    this.mode?.destroy();
    this.task = task;
    this.mode = show(task);
  }

  /** Show a sentence instead of a task. */
  state(name, ...kids) {
    this.mode?.destroy();
    this.mode = null;
    this.task = null;
    one('stage').replaceChildren();
    delete one('stage').dataset.lease;
    const title = name === 'loading' ? h('div', { class: 'skeleton' }) : h('h1', {}, t(`work.${name}.title`));
    const text = name === 'loading' ? null : h('p', {}, t(`work.${name}.text`));
    one('state').replaceChildren(title, ...[text, ...kids].filter(Boolean));
    face(name);
  }

  hint(words) {
    hint(words);
  }

  /** A line above the task that goes by itself, such as why an answer was not counted. */
  note(words) {
    clearTimeout(this.noted);
    one('note').textContent = words;
    one('note').hidden = false;
    this.noted = setTimeout(() => { one('note').hidden = true; }, 8000);
  }

  say(words) {
    say(words);
  }

  /** Offer to take the last answer back. */
  last(said) {
    one('last').hidden = !said;
    if (!said) return;
    const what = said.path === 'answer' ? brief(said.task.kind, said.value) : t('work.declined');
    one('last').replaceChildren(
      t('work.last'), ' ', h('bdi', { class: 'said' }, plain(what)), ' ↶ ', h('kbd', { 'aria-hidden': 'true' }, print(keysOf('undo'))),
    );
  }
}
