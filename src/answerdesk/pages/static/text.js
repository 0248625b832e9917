/** The characters in a picture: the picture, and a field. Rule: the evidence is never tinted nor blurred. */
import { allWords, h } from './dom.js';
import { field } from './field.js';

/** Rows of the key table, and what they do to the view. */
const ACTS = {
  'zoom.in': (view) => view.zoomBy(1),
  'zoom.out': (view) => view.zoomBy(-1),
  'zoom.reset': (view) => view.reset(),
  invert: (view) => view.invert(),
  contrast: (view) => view.contrast(),
};

/** Small pictures are drawn up to twice as large: characters want to be seen. */
function sized(image) {
  const scale = Math.min(2, 520 / image.naturalWidth, 240 / image.naturalHeight);
  image.style.setProperty('inline-size', `${Math.round(image.naturalWidth * Math.max(1, scale))}px`);
  return image;
}

export default {
  mount(stage, task, tools) {
    const { input, mode } = field(task, tools);
    const tool = h('button', { class: 'button look', type: 'button', onclick: () => look() }, tools.t('work.look'));
    const single = task.images.length === 1;
    const frame = h('div', { class: 'evidence' }, task.images.map(sized));
    stage.replaceChildren(frame, h('div', { class: 'line' }, input, single && tool));
    let view = null;
    /** Zooming is wanted now and then: its module comes with the first wish. */
    async function look() {
      if (view) return view;
      const [{ view: open }] = await Promise.all([import('./view.js'), allWords()]);
      const [image] = task.images;
      const { naturalWidth: width, naturalHeight: height } = image;
      image.style.removeProperty('inline-size');
      view ??= open(image, { t: tools.t, width, height, least: 0 });
      frame.replaceChildren(view.element);
      tool.remove();
      mode.focus();
      return view;
    }
    return {
      ...mode,
      key(event, id) {
        if (!ACTS[id] || !single) return false;
        look().then(ACTS[id]).catch(() => {});
        return true;
      },
      keys: Object.keys(ACTS).map((id) => ({ id })),
      destroy: () => view?.destroy(),
    };
  },
};
