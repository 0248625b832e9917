/**
 * <region-pad>: marks over a picture.
 * Rule: marks are kept in whole pixels of the upright picture; what setting a place means, the mode says.
 */
import { h } from './dom.js';
import { point } from './pointer.js';
import { SHAPES, drawCursor, drawDraft } from './shapes.js';

export class RegionPad extends HTMLElement {
  /** Finished marks, each a list of vertices. @type {number[][][]} */
  marks = [];
  /** The vertices of the mark that is being drawn. @type {number[][]} */
  draft = [];
  /** The chosen mark, -1 for none. */
  selected = -1;
  /** Whether "nothing fits" was chosen. */
  none = false;
  cursor = [0, 0];
  #past = [];
  #overlay = h('svg:svg', { 'aria-hidden': 'true', width: '100%', height: '100%' });

  /**
   * @param {{mode: 'point'|'box'|'polygon', width: number, height: number, single: boolean, view: () => Object,
   *   place: (at: number[], by: string) => void, changed: () => void}} how `place` sets a place by
   *   'key', 'mouse', 'pen', 'touch' or 'drag'; `changed` follows every change of the marks or the choice;
   *   where there is a `single` mark, a press beside it sets it anew
   */
  setup(how) {
    this.how = how;
    this.shape = SHAPES[how.mode];
    this.on = { width: how.width, height: how.height, half: this.shape.half };
    this.cursor = [Math.floor(how.width / 2), Math.floor(how.height / 2)];
    this.setAttribute('mode', how.mode);
    this.replaceChildren(this.#overlay);
    point(this);
    this.draw();
  }

  draw() {
    const { marks, draft, cursor, on, how } = this;
    const drawn = marks.map((mark, i) => {
      const chosen = i === this.selected ? 'chosen' : null;
      return h('svg:g', { class: chosen }, this.shape.draw(mark, on, String(i + 1)));
    });
    this.#overlay.replaceChildren(...drawn, drawDraft(how.mode, draft, cursor, on) ?? '', drawCursor(cursor, on));
  }

  /** A place held inside the picture: the last pixel for a point, the far edge for a box. */
  inside([x, y]) {
    const beyond = this.on.half ? 1 : 0;
    const hold = (at, size) => Math.min(Math.max(at, 0), size - beyond);
    return [hold(x, this.on.width), hold(y, this.on.height)];
  }

  moveCursor(dx, dy) {
    this.cursor = this.inside([this.cursor[0] + dx, this.cursor[1] + dy]);
    this.draw();
  }

  /** Moves vertices of a mark, or all of them, as far as the picture reaches. */
  moveMark(index, dx, dy, vertices = [...this.marks[index].keys()]) {
    const reach = (axis, by, size) => {
      const all = vertices.map((k) => this.marks[index][k][axis]);
      return Math.min(Math.max(by, -Math.min(...all)), size - (this.on.half ? 1 : 0) - Math.max(...all));
    };
    const [x, y] = [reach(0, dx, this.on.width), reach(1, dy, this.on.height)];
    this.remember(`move ${index} ${vertices}`);
    this.marks[index] = this.marks[index].map((at, k) => (vertices.includes(k) ? [at[0] + x, at[1] + y] : at));
    this.cursor = [...this.marks[index].at(-1)];
    this.changed();
  }

  /** Keeps what is, before a change; changes of one name in a row are undone together. */
  remember(name = '') {
    if (name && this.#past.at(-1)?.name === name) return;
    const { marks, draft, selected, none } = this;
    this.#past.push({ name, was: structuredClone({ marks, draft, selected, none }) });
  }

  undo() {
    const last = this.#past.pop();
    if (!last) return false;
    Object.assign(this, last.was);
    this.changed();
    return true;
  }

  /** Adds a finished mark; where only one may be, it takes the other's place. */
  add(mark, most, remembered = false) {
    if (!remembered) this.remember();
    if (most === 1) this.marks = [];
    this.marks.push(mark);
    Object.assign(this, { draft: [], selected: -1, none: false });
    this.changed();
  }

  /** Takes back the last vertex of the draft, else removes the chosen mark, else the last one. */
  remove() {
    if (!this.draft.length && !this.marks.length) return false;
    this.remember();
    if (this.draft.length) this.draft.pop();
    else this.marks.splice(this.selected, 1);
    this.selected = -1;
    this.changed();
    return true;
  }

  /** Chooses a mark, or none; beyond either end comes the other. */
  choose(index) {
    const last = this.marks.length - 1;
    this.selected = index > last ? -1 : index < -1 ? last : index;
    if (this.selected >= 0) this.cursor = [...this.marks[this.selected].at(-1)];
    this.changed();
  }

  /** Says that nothing fits, or no longer; marks and "nothing" never stand together. */
  chooseNone() {
    this.remember();
    Object.assign(this, { none: !this.none, marks: [], draft: [], selected: -1 });
    this.changed();
  }

  changed() {
    this.draw();
    this.how.changed();
  }
}

customElements.define('region-pad', RegionPad);
