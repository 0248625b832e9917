/**
 * What was pressed, and the one listener. Rule: letters act by what is printed on the key, or by their place where the
 * layout has no Latin letters; bare characters only while nobody types; never while a word is composed.
 */
import { TABLE, bare, mac, own } from './keys.js';

/** Second keys of the same rows, which nobody remaps. */
const ALSO = { F1: 'help', 'Alt+KeyP': 'pause', 'Alt+KeyT': 'time', '=': 'zoom.in', F8: 'audio.play' };
const MODIFIERS = new Set(['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'CapsLock', 'Dead', 'Process', 'Unidentified']);

/** Name what was pressed: `Shift+ArrowLeft`, `Mod+KeyZ`, `Digit3`, `Space`, `?`; null for a modifier alone. */
export function combo({ key, code, altKey, ctrlKey, metaKey, shiftKey }) {
  const place = /^(?:Key[A-Z]|(?:Digit|Numpad)\d)$/.exec(code)?.[0].replace('Numpad', 'Digit');
  // With ⌥ a Mac's keys write other signs, or nothing yet: then a key is its place.
  const turned = altKey && place && !/^[a-z]$/i.test(key);
  if (MODIFIERS.has(key) && !(turned && key === 'Dead')) return null;
  const letter = /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : place;
  const alone = key.length === 1 && !altKey && !ctrlKey && !metaKey;
  let name = /^[ \u00a0]$/.test(key) ? 'Space' : key;
  // A sign on a digit's or letter's key, such as ? over a 7, is a sign; with no Latin letter it is its place.
  if (turned || (place?.startsWith('Digit') && (!alone || /\d/.test(key)))) name = place;
  else if (letter?.startsWith('Key') && !/^[!-@[-\x60{-~]$/.test(key)) name = letter;
  else if (alone && name !== 'Space') return name;
  const held = [(ctrlKey || metaKey) && 'Mod', altKey && 'Alt', shiftKey && 'Shift'];
  return [...held.filter(Boolean), name].join('+');
}

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
    if (event.isComposing || event.defaultPrevented || document.querySelector('dialog[open]')) return;
    // A Mac's ⌥ may begin an accent, and may be told as AltGr.
    if (event.keyCode === 229 && !(event.altKey && event.key === 'Dead')) return;
    if (!mac && event.getModifierState('AltGraph')) return;
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
