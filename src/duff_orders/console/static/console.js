document.documentElement.classList.add("script");

// Where the reader is, for times that are written there beside UTC: from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = "zone=" + encodeURIComponent(zone) + "; path=/; max-age=31536000; samesite=lax";

// Files dropped on the page are sent one by one; what becomes of each is told by the server's events.
const box = document.querySelector("[data-uploads]");
const form = document.querySelector("[data-drop]");
const shown = new Map(); // list items by the file's key

function line(key) {
  if (!shown.has(key)) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const stage = document.createElement("span");
    name.textContent = key + ": ";
    item.append(name, stage);
    box.hidden = false;
    box.querySelector("ul").append(item);
    shown.set(key, { item, name, stage });
  }
  return shown.get(key);
}

function send(file) {
  const entry = line(file.name);
  const bar = document.createElement("progress");
  entry.stage.textContent = form.dataset.sending + " ";
  entry.stage.append(bar);
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) { bar.max = event.total; bar.value = event.loaded; }
  });
  request.addEventListener("loadend", () => {
    let told = {};
    try { told = JSON.parse(request.responseText); } catch { /* no answer */ }
    if (request.status === 202) {
      if (told.key !== file.name) { shown.delete(file.name); entry.name.textContent = told.key + ": "; shown.set(told.key, entry); }
      entry.stage.textContent = told.stage;
      follow();
    } else {
      entry.stage.textContent = form.dataset.refused + (told.detail ? ": " + told.detail : "");
    }
  });
  const asked = new URLSearchParams();
  if (form.dataset.replaces) asked.set("replaces", form.dataset.replaces);
  const partner = form.dataset.partner || form.querySelector("[data-whose]")?.value;
  if (partner) asked.set("partner", partner);
  const more = asked.size ? "?" + asked : "";
  request.open("PUT", "/console/uploads/" + encodeURIComponent(file.name) + more);
  request.send(file);
}

function sendAll(files) {
  if (form.dataset.replaces && files.length > 1) { // one file takes the place of another
    for (const file of files) line(file.name).stage.textContent = form.dataset.one;
    return;
  }
  for (const file of files) send(file);
}

let events = null;
function follow() {
  if (events) return;
  events = new EventSource(document.body.dataset.stages);
  events.addEventListener("stages", (event) => {
    for (const file of JSON.parse(event.data)) {
      if (!shown.has(file.key)) continue;
      const entry = line(file.key);
      entry.stage.textContent = file.text;
      if (file.file_id && !entry.name.querySelector("a")) {
        const link = document.createElement("a");
        link.href = "/files/" + file.file_id;
        link.textContent = file.key;
        entry.name.replaceChildren(link, ": ");
      }
      entry.item.dataset.stage = file.stage;
    }
    if ([...shown.values()].every((entry) => ["tables", "gone"].includes(entry.item.dataset.stage))) {
      events.close();
      events = null;
      box.querySelector("[data-again]").hidden = false;
    }
  });
}

// Files that were on their way when the page was made.
for (const item of box ? box.querySelectorAll("li") : []) {
  const [name, stage] = item.children;
  shown.set(item.dataset.key, { item, name, stage });
}
if (shown.size) follow();

if (form) {
  document.addEventListener("paste", (event) => { sendAll(event.clipboardData.files); });
  const input = form.querySelector("input[type=file]");
  input.addEventListener("change", () => { sendAll(input.files); input.value = ""; });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.toggle("over", kind === "dragover");
      if (kind === "drop") sendAll(event.dataTransfer.files);
    });
  }
}
