/** A lease made ready to be shown. Rule: nothing is shown before it is fetched and decoded. */
import { bytes } from './api.js';
import { load } from './load.js';

async function picture(address) {
  const image = new Image();
  image.src = address;
  image.alt = '';
  image.draggable = false;
  await image.decode();
  return image;
}

/** Fetch and decode everything a task shows, and the module of its kind. */
export async function prepare(lease) {
  const { question } = lease;
  const { instruction: { image }, earlier } = question;
  const [images, drawn, before, sound] = await Promise.all([
    Promise.all(question.kind === 'audio' ? [] : question.media.map((medium) => picture(medium.url))),
    image ? picture(image) : null,
    earlier ? picture(earlier.url).catch(() => null) : null,
    question.kind === 'audio' ? bytes(question.media[0].url) : null,
    load(question.kind),
  ]);
  return { ...lease, images, picture: drawn, earlier: before, sound, audio: sound && URL.createObjectURL(sound) };
}
