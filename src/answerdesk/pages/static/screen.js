/** What is on screen: one task, or one sentence about why there is none. Rule: a task is painted in one go. */
import { foreign, h, one, plain, t } from './dom.js';
import { keysOf, print } from './keys.js';
import { ready } from './load.js';
import { rules } from './rules.js';

const SHORT = 24;
/** Kinds whose instruction is the question itself, shown by the mode. */
const ASKED_BELOW = new Set(['question']);

/** Name an answer in a few characters. */
export function brief(kind, value) {
  if (typeof value === 'string') return value.length > SHORT ? `${value.slice(0, SHORT - 1)}…` : value;
  return t('work.marks', { n: Array.isArray(value) ? value.length : 0 });
}

export class Screen {
  constructor() {
    /** Hears of each change of the answer. */
    this.changed = () => {};
    this.mode = null;
    /** What is shown. */
    this.task = null;
  }

  /** Show a task. Its module has been loaded with its pictures. */
  show(task) {
    this.mode?.destroy();
    this.task = task;
    const { instruction, lang, constraints } = task.question;
    const text = ASKED_BELOW.has(task.kind) ? null : instruction.text;
    one('ask').replaceChildren(text ? foreign(text, lang) : t(`work.ask.${task.kind}`));
    one('chips').replaceChildren(...this.#chips(task.kind, constraints, lang));
    one('sample').replaceChildren(...(task.picture ? [task.picture] : []));
    this.hint(null);
    const stage = one('stage');
    stage.dataset.kind = task.kind;
    stage.dataset.lease = task.lease;
    stage.replaceChildren();
    this.#face('task');
    this.mode = ready(task.kind).mount(stage, task, {
      t,
      say: (words) => this.say(words),
      hint: (words) => this.hint(words),
      changed: () => this.changed(),
      practice: Boolean(task.practice),
    });
    this.mode.focus();
  }

  #chips(kind, constraints, lang) {
    const said = kind === 'text' || kind === 'question' || kind === 'audio' ? rules(constraints) : [];
    const chips = said.map((rule) => h('li', { class: 'chip' }, t(rule.key, rule)));
    if (lang) chips.push(h('li', { class: 'chip' }, named(lang)));
    return chips;
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
    this.#face(name);
  }

  #face(name) {
    document.body.dataset.face = name;
    const task = name === 'task';
    one('task').hidden = !task;
    one('state').hidden = task;
  }

  hint(words) {
    if (one('hint').textContent !== (words ?? '')) one('hint').textContent = words ?? '';
  }

  /** A line above the task that goes by itself, such as why an answer was not counted. */
  note(words) {
    clearTimeout(this.noted);
    one('note').textContent = words;
    one('note').hidden = false;
    this.noted = setTimeout(() => { one('note').hidden = true; }, 8000);
  }

  say(words) {
    one('say').textContent = words;
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

function named(lang) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: 'language' }).of(lang) ?? lang;
  } catch {
    return plain(lang);
  }
}
