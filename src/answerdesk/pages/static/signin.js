/** Signing in again over the page. Rule: the page keeps what was done; only the session is new. */
import { given, h, allWords, t } from './dom.js';

async function attempt(form) {
  const sent = Object.fromEntries(new FormData(form));
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const reply = await fetch('/sign-in', { method: 'POST', headers, body: JSON.stringify(sent) });
  return reply.ok;
}

/** Resolves when somebody is signed in again. */
export async function ask() {
  await allWords();
  return new Promise((done) => {
    const trouble = h('p', { class: 'note bad', role: 'alert', hidden: true });
    const field = (name, type, complete, value = '') => h(
      'p', { class: 'field' }, h('label', { for: `again-${name}` }, t(`again.${name}`)),
      h('input', { id: `again-${name}`, name, type, value, autocomplete: complete, required: name !== 'code', maxlength: '1000' }),
    );
    const form = h(
      'form', { class: 'fields', onsubmit: async (event) => {
        event.preventDefault();
        if (await attempt(form).catch(() => false)) return dialog.close();
        trouble.textContent = t('again.wrong');
        trouble.hidden = false;
      } },
      h('h1', { id: 'again' }, t('again.title')), h('p', {}, t('again.text')), trouble,
      field('name', 'text', 'username', given.name), field('password', 'password', 'current-password'),
      field('code', 'text', 'one-time-code'), h('button', { class: 'button primary' }, t('again.go')),
    );
    const dialog = h('dialog', { 'aria-labelledby': 'again', oncancel: (event) => event.preventDefault(),
      onclose: () => { dialog.remove(); done(); } }, form);
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector('[type=password]').focus();
  });
}
