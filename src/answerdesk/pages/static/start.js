/** The first task, on screen as soon as it can be. Rule: what answering it needs is fetched once it is there. */
import { post } from './api.js';
import { allWords } from './dom.js';
import { label } from './keys.js';
import { left } from './left.js';
import { prepare } from './prepare.js';
import { show } from './show.js';
import { wanted } from './wanted.js';

/** What this tab was left with, or else what a first look finds: its lease, and the task if it can be shown. */
async function begin() {
  const again = await left();
  if (again) return { lease: again, task: again };
  const { leases: [lease] } = await post('claim', { max: 1, reserve: true, kinds: wanted() });
  return lease ? { lease, task: await prepare(lease).catch(() => null) } : {};
}

/** What there is at first, shown; nothing at all where no call came through, which the rest tries again. */
export const first = begin()
  .catch(() => ({}))
  .then((found) => ({ ...found, mode: found.task && show(found.task) }));

/** What was pressed before anybody could act on it: pressed again once somebody can. */
const early = [];
const keep = ({ type, key, isComposing, target }) => {
  const entered = type === 'keydown' && key === 'Enter' && !isComposing && target.matches('input, body');
  const pressed = entered ? document.querySelector('[data-act=send]') : type === 'click' && target.closest('[data-act]');
  if (pressed) early.push(pressed);
};
for (const type of ['click', 'keydown']) document.addEventListener(type, keep);

for (const made of document.querySelectorAll('[data-key]')) label(made, made.dataset.key);
first.then(() => {
  allWords();
  return import('./work.js');
}).then(() => {
  for (const type of ['click', 'keydown']) document.removeEventListener(type, keep);
  for (const pressed of early) pressed.click();
});
