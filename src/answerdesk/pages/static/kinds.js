/** Which kinds somebody answers in this browser. Rule: of what they may have, and never none of it. */
import { allWords, given, h, t } from './dom.js';
import { UNWANTED, wanted } from './wanted.js';

/** One switch for each kind. */
export async function offer(place) {
  await allWords();
  if (given.kinds.length < 2) return;
  const boxes = given.kinds.map((kind) => h('input', { type: 'checkbox', value: kind, checked: wanted()?.includes(kind) ?? true, onchange: keep }));
  function keep() {
    const off = boxes.filter((box) => !box.checked).map((box) => box.value);
    if (off.length) localStorage.setItem(UNWANTED, off);
    else localStorage.removeItem(UNWANTED);
    for (const box of boxes) box.disabled = box.checked && off.length === boxes.length - 1;
  }
  keep();
  place.append(h('fieldset', { class: 'alerts' }, h('legend', {}, t('work.kinds')),
    h('div', { class: 'ticks' }, boxes.map((box) => h('label', {}, box, t(`practice.kind.${box.value}`))))));
}
