/** The menu of reasons why somebody cannot tell. Rule: Esc, or a click elsewhere, closes it and chooses nothing. */
import { one } from './dom.js';

/** @param {(reason: string) => void} choose */
export function menu(choose) {
  const [opener, list] = [one('reasons'), one('menu')];
  const items = [...list.querySelectorAll('[role=menuitem]')];
  const show = (open) => {
    list.hidden = !open;
    opener.setAttribute('aria-expanded', String(open));
    (open ? items[0] : opener).focus();
  };
  const step = { ArrowDown: 1, ArrowUp: -1 };
  opener.addEventListener('click', () => show(list.hidden));
  list.addEventListener('click', (event) => {
    const item = event.target.closest('[role=menuitem]');
    if (!item) return;
    show(false);
    choose(item.dataset.reason);
  });
  list.addEventListener('keydown', (event) => {
    const at = items.indexOf(document.activeElement);
    if (event.key === 'Escape' || event.key === 'Tab') show(false);
    else if (event.key === 'Home' || event.key === 'End') items.at(event.key === 'Home' ? 0 : -1).focus();
    else if (step[event.key]) items[(at + step[event.key] + items.length) % items.length].focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener('pointerdown', (event) => {
    if (list.hidden || list.contains(event.target) || opener.contains(event.target)) return;
    list.hidden = true;
    opener.setAttribute('aria-expanded', 'false');
  });
}
