/** The first task, on screen as soon as it can be. Rule: what answering it needs is fetched once it is there. */
import { allWords } from './dom.js';
import { label } from './keys.js';
import { left } from './leave.js';
import { Queue } from './queue.js';
import { Screen } from './screen.js';

export const screen = new Screen();
export const queue = new Queue();
/** The first task, when it comes. */
export const first = left().then((task) => {
  queue.next = task;
  return queue.take();
});

for (const made of document.querySelectorAll('[data-key]')) label(made, made.dataset.key);
let wake;
const woken = new Promise((done) => { wake = done; });
const rest = Promise.race([first, woken]).then(() => {
  allWords();
  return import('./work.js');
});
queue.hears = {
  empty: wake,
  broken: (lease) => rest.then(() => queue.hears.broken(lease)),
  signIn: () => (wake(), rest.then(() => queue.hears.signIn())),
};
first.then((task) => task && screen.show(task));
