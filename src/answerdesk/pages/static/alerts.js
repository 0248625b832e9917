/** Telling somebody who rests that there is work. Rule: off until asked for; silent while the page is in use. */
import { allWords, h, t } from './dom.js';

const LOOK_MS = 15000;
const kept = JSON.parse(localStorage.getItem('alerts') ?? '{}');
let told = false;
let timer = 0;

function keep(change) {
  Object.assign(kept, change);
  localStorage.setItem('alerts', JSON.stringify(kept));
}

/** Two soft tones, made here. */
export function ring(volume = kept.volume ?? 0.4) {
  const sound = new AudioContext();
  [523.25, 659.25].forEach((pitch, i) => {
    const [tone, gain] = [sound.createOscillator(), sound.createGain()];
    const at = sound.currentTime + i * 0.18;
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(volume * 0.3, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
    tone.connect(gain).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.5);
  });
  setTimeout(() => sound.close(), 1500);
}

/** Tell once per rest that tasks are waiting. */
function tell(waiting) {
  if (told || !waiting) return;
  told = true;
  if (kept.sound) ring();
  if (kept.notice && globalThis.Notification?.permission === 'granted') {
    const notice = new Notification(t('alerts.work', { n: waiting }), { tag: 'work', silent: true });
    notice.onclick = () => window.focus();
  }
}

/**
 * Look now and then whether there is work, while the page is paused or hidden.
 * @param {() => boolean} resting
 * @param {() => Promise<number>} waiting
 */
export function watch(resting, waiting) {
  clearInterval(timer);
  timer = setInterval(async () => {
    if (!resting()) { told = false; return; }
    if (kept.sound || kept.notice) tell(await waiting().catch(() => 0));
  }, LOOK_MS);
}

/** The two switches and the volume. */
export async function offer(place) {
  await allWords();
  const denied = h('small', { hidden: true }, t('alerts.denied'));
  const volume = h('input', { type: 'range', min: '0.1', max: '1', step: '0.1', value: String(kept.volume ?? 0.4),
    'aria-label': t('alerts.volume'), hidden: !kept.sound,
    onchange: (event) => { keep({ volume: Number(event.target.value) }); ring(); } });
  const sound = h('input', { type: 'checkbox', checked: Boolean(kept.sound), onchange: (event) => {
    keep({ sound: event.target.checked });
    volume.hidden = !kept.sound;
    if (kept.sound) ring();
  } });
  const notice = h('input', { type: 'checkbox', checked: Boolean(kept.notice), onchange: async (event) => {
    const allowed = !event.target.checked || (await globalThis.Notification?.requestPermission()) === 'granted';
    event.target.checked &&= allowed;
    denied.hidden = allowed;
    keep({ notice: event.target.checked });
  } });
  place.append(h('fieldset', { class: 'alerts' }, h('legend', {}, t('alerts.title')),
    h('label', { class: 'row' }, sound, t('alerts.sound'), volume), h('label', { class: 'row' }, notice, t('alerts.notice')), denied));
}
