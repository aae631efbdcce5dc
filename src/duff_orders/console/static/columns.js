// What is said of a file's columns is tried at once: the form is sent as its button would, and the page takes what came.
const form = document.querySelector("[data-mapping]");
let turn = 0;

async function tried(changed) {
  const mine = ++turn;
  const body = new URLSearchParams(new FormData(form));
  body.set("try", "1");
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  const text = await answer.text();
  if (mine !== turn) return; // something else was said meanwhile
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-mapping]");
  if (!fresh) return;
  const held = document.activeElement?.name;
  for (const part of ["tbody", "[data-words]", "[data-preview]"]) {
    const now = form.querySelector(part);
    const then = fresh.querySelector(part);
    if (now && then && !(part === "[data-preview]" && now.contains(document.activeElement))) now.replaceWith(then);
  }
  const field = held && form.elements.namedItem(held);
  if (field && field.focus && changed.name === held) field.focus();
}

if (form) {
  form.addEventListener("change", (event) => {
    if (!["prefix", "name"].includes(event.target.name)) tried(event.target);
  });
}
