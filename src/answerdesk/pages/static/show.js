/** A task, painted in one go. Rule: a stranger's words stand apart from ours. */
import { foreign, h, one, plain, t } from './dom.js';
import { ready } from './load.js';
import { rules } from './rules.js';

/** Kinds whose instruction is the question itself, shown by the mode. */
const ASKED_BELOW = new Set(['question']);
const WRITTEN = new Set(['text', 'question', 'audio']);

/** Who hears of each change of the answer. */
export const hears = { changed() {} };

/** Show a task, whose module has been loaded with its pictures; gives its mode. */
export function show(task) {
  const { instruction, lang, constraints } = task.question;
  const text = ASKED_BELOW.has(task.kind) ? null : instruction.text;
  one('ask').replaceChildren(text ? foreign(text, lang) : t(`work.ask.${task.kind}`));
  one('chips').replaceChildren(...chips(task.kind, constraints, lang));
  one('sample').replaceChildren(...(task.picture ? [task.picture] : []));
  hint(null);
  const stage = one('stage');
  stage.dataset.kind = task.kind;
  stage.dataset.lease = task.lease;
  stage.replaceChildren();
  face('task');
  const changed = () => hears.changed();
  const mode = ready(task.kind).mount(stage, task, { t, say, hint, changed, practice: Boolean(task.practice) });
  mode.focus();
  return mode;
}

function chips(kind, constraints, lang) {
  const said = WRITTEN.has(kind) ? rules(constraints).map((rule) => t(rule.key, rule)) : [];
  if (lang) said.push(named(lang));
  return said.map((words) => h('li', { class: 'chip' }, words));
}

function named(lang) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: 'language' }).of(lang) ?? lang;
  } catch {
    return plain(lang);
  }
}

/** Show the task's side of the page, or that of a sentence. */
export function face(name) {
  document.body.dataset.face = name;
  one('task').hidden = name !== 'task';
  one('state').hidden = name === 'task';
}

/** A soft line under the stage; null takes it away. */
export function hint(words) {
  if (one('hint').textContent !== (words ?? '')) one('hint').textContent = words ?? '';
}

/** Tell those who listen. */
export function say(words) {
  one('say').textContent = words;
}
