/** Closed outlines around parts of a picture. Rule: an open outline is never sent, and never lost by a key. */
import { marking } from './marking.js';
import { withKey } from './parts.js';
import { near } from './pointer.js';
import { small } from './view.js';

const LEAST = 3;
const KEYS = [
  { keys: 'ArrowLeft', label: 'key.marks.move' },
  { keys: 'Shift+ArrowLeft', label: 'key.marks.move10' },
  { keys: 'Space', label: 'key.outline.set' },
  { keys: 'Enter', label: 'key.outline.close' },
  { keys: 'Backspace', label: 'key.outline.remove' },
  { keys: '[', label: 'key.marks.before' },
  { keys: ']', label: 'key.marks.after' },
];

export default {
  mount(stage, task, tools) {
    const { t } = tools;
    let shut = null;

    function close(pad, most) {
      if (pad.draft.length < LEAST) return tools.hint(t('mode.outline.open'));
      tools.hint(null);
      pad.add(pad.draft, most);
      tools.say(t('mode.outline.closed', { n: pad.marks.length }));
    }

    function place(pad, at, by, most) {
      const { draft } = pad;
      if (draft.length >= LEAST && near(pad, at, draft[0], by)) return close(pad, most);
      if (most > 1 && pad.marks.length >= most) return tools.hint(t('mode.marks.most', { n: most }));
      if (String(draft.at(-1)) === String(at)) return undefined;
      tools.hint(null);
      pad.remember();
      Object.assign(pad, { draft: [...draft, at], selected: -1, none: false });
      pad.changed();
      return tools.say(t('mode.outline.set', { n: pad.draft.length, x: at[0], y: at[1] }));
    }

    const most = task.question.constraints.maxClicks || Infinity;
    return marking(stage, task, tools, {
      kind: 'outline',
      mode: 'polygon',
      keys: KEYS,
      marks: (value) => value,
      value: (marks) => marks,
      place,
      extra(pad, row) {
        shut = small(t('mode.outline.close'), () => { close(pad, most); pad.focus({ preventScroll: true }); });
        withKey(shut, 'Enter');
        shut.disabled = true;
        row.prepend(shut);
        return [];
      },
      changed: (pad) => { shut.disabled = pad.draft.length < LEAST; },
      key(pad, pressed) {
        if (pressed !== 'Enter' || !pad.draft.length) return false;
        close(pad, most);
        return true;
      },
    });
  },
};
