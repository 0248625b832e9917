/** The field for a written answer, which text, question and audio share. Rule: what the browser undoes is its own. */
import { h } from './dom.js';
import { broken } from './rules.js';

/**
 * @param {import('./mode.js').Task} task
 * @param {import('./mode.js').Tools} tools
 */
export function field(task, { t, changed, hint }) {
  const { constraints, lang } = task.question;
  const input = h('input', {
    class: 'answer', type: 'text', name: 'answer', 'aria-label': t('work.answer'), lang, dir: 'auto',
    autocomplete: 'off', autocapitalize: 'off', autocorrect: 'off', spellcheck: 'false', enterkeyhint: 'send',
    inputmode: constraints.numeric === 1 ? 'numeric' : 'text', value: task.before ?? '',
    'aria-describedby': 'hint', maxlength: '2000',
  });
  const value = () => input.value.trim() || null;
  const warn = () => {
    const rule = value() && broken(value(), constraints);
    return rule ? t(rule.key, rule) : null;
  };
  let long = false;
  input.addEventListener('input', () => {
    // Only what more typing cannot mend is told while somebody types.
    const rule = value() && broken(value(), constraints);
    const now = Boolean(rule) && !['work.warn.short', 'work.warn.phrase', 'work.warn.math', 'work.warn.both'].includes(rule.key);
    if (now || long) hint(now ? t(rule.key, rule) : null);
    long = now;
    changed();
  });
  return {
    input,
    mode: {
      value,
      valid: () => (value() === null ? t('work.valid.empty') : null),
      warn,
      undo: () => {
        if (!input.value || document.activeElement !== input) return false;
        return document.execCommand('undo');
      },
      key: () => false,
      keys: [],
      focus: () => { input.focus({ preventScroll: true }); input.setSelectionRange(input.value.length, input.value.length); },
      destroy: () => {},
    },
  };
}
