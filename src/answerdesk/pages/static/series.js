/** Pictures of one series: the one before stands beside the next. Rule: what is no longer kept is told of in words. */
import { h } from './dom.js';

/** The picture of the earlier task that a question names, or the words that there was one; nothing if it names none. */
export function earlier(task, t) {
  if (!task.question.options.previous) return [];
  const words = t(task.earlier ? 'mode.grid.earlier' : 'mode.grid.series');
  if (task.earlier) task.earlier.alt = words;
  return [h('figure', { class: 'earlier' }, task.earlier, h('figcaption', {}, words))];
}
