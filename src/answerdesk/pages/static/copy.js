/** Buttons that copy a field, `data-copy` its id. Rule: without this script the field can be selected by hand. */
for (const button of document.querySelectorAll('[data-copy]')) {
  const field = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector('[data-copy-said]');
  button.hidden = false;
  button.addEventListener('click', async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Selected as it is, it can still be copied by the keyboard.
      return;
    }
    said.textContent = button.dataset.copied;
  });
}
