/** Times as their reader writes them, in their own zone; UTC stays to be seen on hover. */
const written = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });

for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = time.textContent;
  time.textContent = written.format(new Date(time.dateTime));
}
