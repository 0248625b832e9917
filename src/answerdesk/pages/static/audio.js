/** A recording: its loudness drawn, a player with keys, and a field. Rule: listening needs no hand off the field. */
import { h } from './dom.js';
import { field } from './field.js';

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5];
const STEP = 2;
const BARS = 120;

/** Draw the loudness of a sound as bars; what cannot be decoded is simply not drawn. */
async function peaks(canvas, sound) {
  const audio = new OfflineAudioContext(1, 1, 8000);
  const samples = (await audio.decodeAudioData(await sound.arrayBuffer())).getChannelData(0);
  const each = Math.max(1, Math.floor(samples.length / BARS));
  const loud = Array.from({ length: BARS }, (_, i) => {
    let most = 0;
    for (let at = i * each; at < Math.min(samples.length, (i + 1) * each); at++) most = Math.max(most, Math.abs(samples[at]));
    return most;
  });
  const top = Math.max(...loud, 0.01);
  const pen = canvas.getContext('2d');
  pen.fillStyle = getComputedStyle(canvas).color;
  loud.forEach((each_, i) => {
    const high = Math.max(2, (each_ / top) * canvas.height);
    pen.fillRect((i * canvas.width) / BARS, (canvas.height - high) / 2, canvas.width / BARS - 2, high);
  });
}

export default {
  mount(stage, task, tools) {
    const { t } = tools;
    const { input, mode } = field(task, tools);
    const player = h('audio', { src: task.audio, preload: 'auto' });
    const canvas = h('canvas', { class: 'peaks', width: '720', height: '96', 'aria-hidden': 'true' });
    const head = h('span', { class: 'head' });
    const wave = h('div', { class: 'wave', onpointerdown: (event) => {
      const box = wave.getBoundingClientRect();
      if (player.duration) player.currentTime = ((event.clientX - box.left) / box.width) * player.duration;
    } }, canvas, head);
    const play = h('button', { class: 'button', type: 'button', onclick: () => acts['audio.play']() });
    const speed = h('output', {});
    let rate = SPEEDS.indexOf(1);
    const turn = (by) => {
      rate = Math.min(SPEEDS.length - 1, Math.max(0, rate + by));
      player.playbackRate = SPEEDS[rate];
      speed.textContent = `${SPEEDS[rate]}×`;
      tools.say(t('mode.audio.speed', { n: SPEEDS[rate] }));
    };
    const start = () => player.play().catch(() => {});
    const acts = {
      'audio.play': () => (player.paused ? start() : player.pause()),
      'audio.replay': () => { player.currentTime = 0; start(); },
      'audio.back': () => { player.currentTime = Math.max(0, player.currentTime - STEP); },
      'audio.on': () => { player.currentTime = Math.min(player.duration || 0, player.currentTime + STEP); },
      'audio.faster': () => turn(1),
      'audio.slower': () => turn(-1),
    };
    const tool = (id) => h('button', { class: 'button small', type: 'button', onclick: () => { acts[id](); mode.focus(); } }, t(`mode.${id}`));
    const paint = () => {
      play.textContent = t(player.paused ? 'mode.audio.play' : 'mode.audio.stop');
      head.style.setProperty('inset-inline-start', `${(100 * player.currentTime) / (player.duration || 1)}%`);
    };
    for (const sort of ['play', 'pause', 'ended', 'timeupdate', 'seeked']) player.addEventListener(sort, paint);
    paint();
    speed.textContent = '1×';
    stage.replaceChildren(
      h('div', { class: 'evidence sound', role: 'group', 'aria-label': t('mode.audio.sound') }, wave,
        h('div', { class: 'row' }, play, tool('audio.replay'), tool('audio.back'), tool('audio.on'), tool('audio.slower'), speed, tool('audio.faster')), player),
      input,
    );
    peaks(canvas, task.sound).catch(() => { wave.hidden = true; });
    start();
    return {
      ...mode,
      key(event, id) {
        if (!acts[id]) return false;
        acts[id]();
        return true;
      },
      keys: Object.keys(acts).map((id) => ({ id })),
      destroy: () => { player.pause(); player.removeAttribute('src'); },
    };
  },
};
