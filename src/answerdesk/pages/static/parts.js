/** Parts that the picture modes share. Rule: sizes are those that the question's media tell, whatever a copy of them has. */
import { h } from './dom.js';
import { print } from './keys.js';
import { small } from './view.js';

/** The pixels a question's picture has, whatever size its copy is. */
export const sizeOf = (medium, image) => ({
  width: medium.width || image.naturalWidth,
  height: medium.height || image.naturalHeight,
});

/** Puts a mode's own key on its button: a sign to see, the name to hear. */
export function withKey(button, keys) {
  button.setAttribute('aria-keyshortcuts', keys.replace(/^Key/, ''));
  button.append(h('kbd', { 'aria-hidden': 'true' }, print(keys)));
  return button;
}

/** The line under a picture: how it is done, and what is done so far. */
export const footnote = (how, state) => h('div', { class: 'pad-foot' }, h('p', { id: 'pad-how' }, how), state);

/** The button for "nothing fits", or null where the question allows no such answer. */
export function noneButton(limits, tools, act) {
  if (!limits.canNoAnswer) return null;
  return withKey(small(tools.t('mode.none'), act, { 'aria-pressed': 'false' }), 'KeyN');
}
