/** Pictures of one series: the one seen before stands beside the next. Rule: only what this page has shown is shown again. */
import { h } from './dom.js';

/** How many of the pictures last seen are kept. */
const KEPT = 4;
const WIDTH = 160;
const seen = new Map();

/** Keeps a small copy of a task's picture: the next task of its series may name it. */
export function keep(task, image, { width, height }) {
  const copy = h('canvas', { width: WIDTH, height: Math.max(1, Math.round((WIDTH * height) / width)), role: 'img' });
  copy.getContext('2d').drawImage(image, 0, 0, copy.width, copy.height);
  seen.delete(String(task.task));
  seen.set(String(task.task), copy);
  if (seen.size > KEPT) seen.delete(seen.keys().next().value);
}

/** The picture of the earlier task that a question names, or the words that there was one; nothing if it names none. */
export function earlier(task, t) {
  const { previous } = task.question.options ?? {};
  if (!previous) return [];
  const copy = seen.get(String(previous));
  copy?.setAttribute('aria-label', t('mode.grid.earlier'));
  const words = h('figcaption', {}, t(copy ? 'mode.grid.earlier' : 'mode.grid.series'));
  return [h('figure', { class: 'earlier' }, copy, words)];
}
