/**
 * The one table of keys, and the one listener. Rule: letters act by what is printed on the key, or by their place
 * where the layout has no Latin letters; bare characters only while nobody types; never while a word is composed.
 */
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

/** Second keys of the same rows, which nobody remaps. */
const ALSO = { F1: 'help', 'Alt+KeyP': 'pause', 'Alt+KeyT': 'time', '=': 'zoom.in', F8: 'audio.play' };
const SIGNS = {
  Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Backspace: '⌫', '-': '−', Delete: 'Del',
};
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const MODIFIERS = new Set(['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'CapsLock', 'Dead', 'Process', 'Unidentified']);

/** A person's own keys: `{id: keys}`; `single: 'off'` switches bare characters off. */
export const own = given.keys ?? {};

/** The keys of a row as they are now. */
export const keysOf = (id) => own[id] ?? TABLE.find((row) => row.id === id)?.keys;

/** Name what was pressed: `Shift+ArrowLeft`, `Mod+KeyZ`, `Digit3`, `Space`, `?`; null for a modifier alone. */
export function combo(event) {
  if (MODIFIERS.has(event.key)) return null;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  const letter = /^[a-z]$/i.test(event.key) ? `Key${event.key.toUpperCase()}` : /^Key[A-Z]$/.exec(event.code)?.[0];
  const alone = event.key.length === 1 && !event.altKey && !event.ctrlKey && !event.metaKey;
  let name = event.key === ' ' ? 'Space' : event.key;
  // A sign on a digit's or letter's key, such as ? over a 7, is a sign; with no Latin letter it is its place.
  if (digit && (!alone || /\d/.test(event.key))) name = digit[0].replace('Numpad', 'Digit');
  else if (letter && !/^[!-@[-\x60{-~]$/.test(event.key)) name = letter;
  else if (alone && event.key !== ' ') return name;
  const held = [(event.ctrlKey || event.metaKey) && 'Mod', event.altKey && 'Alt', event.shiftKey && 'Shift'];
  return [...held.filter(Boolean), name].join('+');
}

/** Whether keys are one bare character. */
export const bare = (keys) => /^(?:Shift\+)?(?:Key[A-Z]|Digit\d|[^\s])$/u.test(keys);

/** The row that was pressed, by the person's own keys; null for none. */
export function action(event) {
  const pressed = combo(event);
  if (!pressed) return null;
  const row = TABLE.find(({ id, keys }) => (own[id] ?? keys) === pressed);
  return row?.id ?? ALSO[pressed] ?? null;
}

/** Whether somebody types into this element. */
export function typing(target) {
  if (target?.isContentEditable || target?.matches?.('textarea, select')) return true;
  return Boolean(target?.matches?.('input:not([type=button], [type=checkbox], [type=radio], [type=range], [type=submit])'));
}

/**
 * Listen on the whole window. `act(id, event)` gets the row's id, or null for keys that only a mode may know;
 * it returns whether the keys were taken.
 * @param {(id: string|null, event: KeyboardEvent) => boolean} act
 */
export function listen(act) {
  window.addEventListener('keydown', (event) => {
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    if (event.getModifierState('AltGraph') || document.querySelector('dialog[open]')) return;
    const pressed = combo(event);
    if (!pressed) return;
    const writing = typing(event.target);
    const single = bare(pressed) && pressed !== 'Space';
    if (single && own.single === 'off') return;
    // In a field the plain keys write and move; only keys that write nothing act.
    if (writing && (single || /^(Shift\+)?(Space|Backspace|Delete|Home|End|Tab|Arrow\w+|Page\w+)$/.test(pressed))) return;
    const pressing = event.target.matches?.('button, a, summary, [role=menuitem]') && /^(Enter|Space)$/.test(pressed);
    if (pressing && !event.target.matches('[data-cell]')) return;
    if (act(action(event), event)) event.preventDefault();
  });
}

/** Write keys as they are printed: `Mod+KeyZ` is Ctrl+Z. */
export function print(keys) {
  return keys
    .split(/\+(?=.)/)
    .map((part) => (part === 'Mod' ? (mac ? '⌘' : 'Ctrl') : SIGNS[part] ?? part.replace(/^(?:Key|Digit)(?=.$)/, '')))
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
