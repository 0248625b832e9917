/** The first task, on screen as soon as it can be. Rule: what answering it needs is fetched once it is there. */
import { allWords } from './dom.js';
import { first } from './first.js';
import { label } from './keys.js';

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
