/** The one table of keys, and how they are written. Rule: whatever names a key names it by this table. */
import { given, h } from './dom.js';

/** Every row can be remapped; `Mod` is Ctrl, or ⌘ on a Mac. The label of a row is the message `key.<id>`. */
export const TABLE = [
  { id: 'send', keys: 'Enter' },
  { id: 'cant', keys: 'Escape' },
  { id: 'undo', keys: 'Mod+KeyZ' },
  { id: 'time', keys: 'KeyT' },
  { id: 'pause', keys: 'KeyP' },
  { id: 'help', keys: '?' },
  { id: 'reason.1', keys: 'Alt+Digit1' },
  { id: 'reason.2', keys: 'Alt+Digit2' },
  { id: 'reason.3', keys: 'Alt+Digit3' },
  { id: 'reason.4', keys: 'Alt+Digit4' },
  { id: 'zoom.in', keys: '+' },
  { id: 'zoom.out', keys: '-' },
  { id: 'zoom.reset', keys: 'Digit0' },
  { id: 'invert', keys: 'Alt+KeyI' },
  { id: 'contrast', keys: 'Alt+KeyC' },
  { id: 'audio.play', keys: 'Mod+Space' },
  { id: 'audio.replay', keys: 'Shift+Enter' },
  { id: 'audio.back', keys: 'Alt+ArrowLeft' },
  { id: 'audio.on', keys: 'Alt+ArrowRight' },
  { id: 'audio.faster', keys: 'Alt+ArrowUp' },
  { id: 'audio.slower', keys: 'Alt+ArrowDown' },
];

/** Whether this is a system with ⌘ and ⌥. */
export const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const SIGNS = {
  Mod: mac ? '⌘' : 'Ctrl', Alt: mac ? '⌥' : 'Alt', Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Backspace: '⌫', '-': '−', Delete: 'Del',
};

/** A person's own keys: `{id: keys}`; `single: 'off'` switches bare characters off. */
export const own = given.keys ?? {};

/** The keys of a row as they are now. */
export const keysOf = (id) => own[id] ?? TABLE.find((row) => row.id === id)?.keys;

/** Whether keys are one bare character. */
export const bare = (keys) => /^(?:Shift\+)?(?:Key[A-Z]|Digit\d|[^\s])$/u.test(keys);

/** Write keys as they are printed: `Mod+KeyZ` is Ctrl+Z. */
export function print(keys) {
  return keys
    .split(/\+(?=.)/)
    .map((part) => SIGNS[part] ?? part.replace(/^(?:Key|Digit)(?=.$)/, ''))
    .join('+');
}

/** The same for `aria-keyshortcuts`. */
const spoken = (keys) => keys.replace('Mod', mac ? 'Meta' : 'Control').replace(/(?:Key|Digit)(?=.$)/, '').replace(/^\+$/, 'Plus');

/** Put a row's keys on its button: a `<kbd>` to see, `aria-keyshortcuts` to hear. */
export function label(button, id) {
  const keys = keysOf(id);
  const shown = own.single === 'off' && bare(keys) ? null : keys;
  button.querySelector('kbd')?.remove();
  if (!shown) return button.removeAttribute('aria-keyshortcuts');
  button.setAttribute('aria-keyshortcuts', spoken(shown));
  if (!button.matches('[data-quiet]')) button.append(h('kbd', { 'aria-hidden': 'true' }, print(shown)));
}
