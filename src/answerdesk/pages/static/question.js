/** A written question: its text on a card, and a field. Rule: the question is the page's instruction, shown once. */
import { foreign, h } from './dom.js';
import { field } from './field.js';

export default {
  mount(stage, task, tools) {
    const { input, mode } = field(task, tools);
    const { instruction, lang } = task.question;
    stage.replaceChildren(h('blockquote', { class: 'asked-text' }, foreign(instruction.text, lang)), input);
    return mode;
  },
};
