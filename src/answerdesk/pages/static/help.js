/** The help sheet. Rule: its keys are read from the table that the listener reads, so they are what works. */
import { allWords, given, h, t } from './dom.js';
import { TABLE, bare, keysOf, own, print } from './keys.js';

/** Rows that only some tasks use; a mode names them itself. */
const SOME = /^(zoom|invert|contrast|audio)/;

function table(title, rows) {
  if (!rows.length) return [];
  const shown = rows.map(({ id, keys, label }) => {
    const pressed = id ? keysOf(id) : keys;
    const off = own.single === 'off' && bare(pressed);
    return h('tr', {}, h('th', { scope: 'row' }, t(label ?? `key.${id}`)), h('td', {}, off ? '–' : h('kbd', {}, print(pressed))));
  });
  return [h('h2', {}, title), h('table', { class: 'keys' }, h('tbody', {}, shown))];
}

/**
 * Show the sheet over the page.
 * @param {{id?: string, keys?: string, label?: string}[]} here  The rows of the task on screen.
 * @param {() => void} closed
 */
export async function help(here, closed) {
  await allWords();
  const sheet = h(
    'dialog', { class: 'help', 'aria-labelledby': 'help', onclose: () => { sheet.remove(); closed(); } },
    h('form', { class: 'row', method: 'dialog' }, h('h1', { id: 'help' }, t('help.title')), h('button', { class: 'button small end' }, t('help.close'))),
    h('p', {}, t('help.work')), h('p', {}, t('help.money')), h('p', {}, t('help.private')),
    table(t('help.here'), here), table(t('help.all'), TABLE.filter(({ id }) => !SOME.test(id))),
    h('p', { class: 'row' }, h('a', { class: 'button', href: '/me/keys' }, t('help.change')),
      given.practise?.length ? h('button', { class: 'button', type: 'button', onclick: () => { sheet.close(); practise(); } }, t('help.practise')) : null),
  );
  async function practise() {
    sessionStorage.removeItem('practised');
    document.dispatchEvent(new CustomEvent('practise'));
  }
  document.body.append(sheet);
  sheet.showModal();
}
