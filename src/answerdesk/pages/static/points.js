/** Points on a picture, in the order they were set. Rule: a point is the pixel that was pointed at. */
import { marking } from './marking.js';

const KEYS = [
  { keys: 'ArrowLeft', label: 'key.marks.move' },
  { keys: 'Shift+ArrowLeft', label: 'key.marks.move10' },
  { keys: 'Space', label: 'key.points.set' },
  { keys: 'Backspace', label: 'key.marks.remove' },
  { keys: '[', label: 'key.marks.before' },
  { keys: ']', label: 'key.marks.after' },
];

export default {
  mount(stage, task, tools) {
    return marking(stage, task, tools, {
      kind: 'points',
      mode: 'point',
      keys: KEYS,
      marks: (value) => value.map((point) => [point]),
      value: (marks) => marks.map(([point]) => point),
      place(pad, at, by, most) {
        if (most > 1 && pad.marks.length >= most) return tools.hint(tools.t('mode.marks.most', { n: most }));
        tools.hint(null);
        pad.add([at], most);
        tools.say(tools.t('mode.points.set', { n: pad.marks.length, x: at[0], y: at[1] }));
      },
    });
  },
};
