/** Rectangles on a picture. Rule: their sides lie between pixels, and every one of them is at least a pixel long. */
import { h } from './dom.js';
import { marking } from './marking.js';

const KEYS = [
  { keys: 'ArrowLeft', label: 'key.marks.move' },
  { keys: 'Shift+ArrowLeft', label: 'key.marks.move10' },
  { keys: 'Space', label: 'key.boxes.set' },
  { keys: 'Alt+ArrowLeft', label: 'key.boxes.resize' },
  { keys: 'Backspace', label: 'key.marks.remove' },
  { keys: '[', label: 'key.marks.before' },
  { keys: ']', label: 'key.marks.after' },
];
const RESIZE = /^Alt\+(Shift\+)?Arrow(Left|Right|Up|Down)$/;
const BY = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };
const SIDES = ['left', 'top', 'right', 'bottom'];

const sorted = ([[x1, y1], [x2, y2]]) => [[Math.min(x1, x2), Math.min(y1, y2)], [Math.max(x1, x2), Math.max(y1, y2)]];
const flat = ([[x1, y1], [x2, y2]]) => x1 === x2 || y1 === y2;

/** Four number fields of the chosen box, or of the last one; without any box they make the first. */
function exactly(pad, tools) {
  const fields = SIDES.map((side, i) => h('input', {
    type: 'number', class: 'field', inputmode: 'numeric', min: '0', step: '1', oninput: apply, 'data-side': side,
    max: String(i % 2 ? pad.on.height : pad.on.width),
  }));
  const labels = fields.map((field, i) => h('label', {}, tools.t(`mode.boxes.${SIDES[i]}`), field));
  const element = h('details', { class: 'exact' }, h('summary', {}, tools.t('mode.boxes.exact')), h('div', {}, labels));
  const index = () => (pad.selected < 0 ? pad.marks.length - 1 : pad.selected);

  function apply() {
    const [x1, y1, x2, y2] = fields.map((field) => (field.checkValidity() ? field.valueAsNumber : NaN));
    if (!(x1 < x2 && y1 < y2)) return tools.hint(tools.t('mode.boxes.sides'));
    tools.hint(null);
    const [at, mark] = [Math.max(index(), 0), [[x1, y1], [x2, y2]]];
    pad.remember(`exact ${at}`);
    pad.marks = pad.marks.length ? pad.marks.with(at, mark) : [mark];
    Object.assign(pad, { draft: [], none: false });
    return pad.changed();
  }

  function show() {
    const mark = pad.marks[index()]?.flat() ?? ['', '', '', ''];
    fields.forEach((field, i) => { if (field !== document.activeElement) field.value = String(mark[i]); });
  }

  return { element, show };
}

export default {
  mount(stage, task, tools) {
    const { t } = tools;
    let exact = null;

    function place(pad, at, by, most) {
      const dragged = by === 'drag';
      const full = most > 1 && pad.marks.length >= most;
      const mark = pad.draft.length ? sorted([pad.draft[0], at]) : null;
      if (full || (mark && flat(mark))) {
        if (dragged) pad.undo();
        return tools.hint(full ? t('mode.marks.most', { n: most }) : t('mode.boxes.sides'));
      }
      tools.hint(null);
      if (mark) {
        pad.add(mark, most, dragged);
        return tools.say(t('mode.boxes.set', { n: pad.marks.length, list: mark.flat().join(', ') }));
      }
      pad.remember();
      Object.assign(pad, { draft: [at], selected: -1, none: false });
      pad.changed();
      return tools.say(t('mode.boxes.corner', { x: at[0], y: at[1] }));
    }

    return marking(stage, task, tools, {
      kind: 'boxes',
      mode: 'box',
      keys: KEYS,
      marks: (value) => value.map(([x1, y1, x2, y2]) => [[x1, y1], [x2, y2]]),
      value: (marks) => marks.map((mark) => mark.flat()),
      place,
      extra(pad) {
        exact = exactly(pad, tools);
        return [exact.element];
      },
      changed(pad) {
        // A corner that was dragged over another one: the box is named by its top left again, or is none.
        if (pad.marks.some(flat)) pad.undo();
        pad.marks = pad.marks.map(sorted);
        exact.show();
      },
      key(pad, pressed) {
        const resize = RESIZE.exec(pressed ?? '');
        if (!resize || !pad.marks.length) return Boolean(resize);
        const index = pad.selected < 0 ? pad.marks.length - 1 : pad.selected;
        const [[x1, y1], [x2, y2]] = pad.marks[index];
        const [dx, dy] = BY[resize[2]].map((by) => by * (resize[1] ? 10 : 1));
        pad.toggleAttribute('data-keys', true);
        pad.moveMark(index, Math.max(dx, x1 + 1 - x2), Math.max(dy, y1 + 1 - y2), [1]);
        return true;
      },
    });
  },
};
