/** A person's own keys. Rule: what is pressed is taken at once, unless it does something else already. */
import { one, t } from './dom.js';
import { bare, print } from './keys.js';
import { combo } from './pressed.js';

const BROWSER = /^(Mod\+Key[ACLNOPQRTVWX]|(Shift\+)?Tab|F5|F6|F11|F12|Alt\+F4)$/;
/** Rows that are used while an answer is being typed, where a bare character is one more character. */
const TYPING = /^(send|cant|undo|reason\.|audio\.)/;
const rows = [...document.querySelectorAll('[data-row]')];
const field = (button) => button.parentElement.querySelector('input');
const show = (button) => { button.textContent = print(field(button).value); };
let listening = null;

function flaw(words) {
  one('flaw').textContent = words ?? '';
  one('flaw').hidden = !words;
}

/** Why keys cannot be those of a row; null when they can. */
function wrong(button, pressed) {
  const keys = print(pressed);
  if (BROWSER.test(pressed)) return t('keys.browser', { keys });
  if (TYPING.test(button.dataset.row) && bare(pressed)) return t('keys.typed', { keys });
  const other = rows.find((row) => row !== button && field(row).value === pressed);
  return other ? t('keys.taken', { keys, what: t(`key.${other.dataset.row}`) }) : null;
}

function stop() {
  if (!listening) return;
  show(listening);
  listening.removeAttribute('aria-pressed');
  listening = null;
}

for (const button of rows) {
  show(button);
  button.addEventListener('click', () => {
    const again = listening === button;
    stop();
    if (again) return;
    flaw(null);
    listening = button;
    button.textContent = t('keys.press');
    button.setAttribute('aria-pressed', 'true');
  });
  button.addEventListener('blur', stop);
}

window.addEventListener('keydown', (event) => {
  if (!listening || event.isComposing) return;
  const pressed = combo(event);
  if (pressed === 'Tab' || pressed === 'Shift+Tab') return;
  event.preventDefault();
  if (!pressed) return;
  const why = wrong(listening, pressed);
  if (why) return flaw(why);
  flaw(null);
  field(listening).value = pressed;
  stop();
}, { capture: true });

document.querySelector('[data-act=usual]').addEventListener('click', () => {
  for (const button of rows) {
    field(button).value = button.dataset.usual;
    show(button);
  }
  flaw(null);
});
