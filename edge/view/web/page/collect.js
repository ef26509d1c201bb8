// Labeled faces for training: the daemon writes one whenever it is asked to.

import { ask, byId, createElement, request, t, showMessage, word } from "./dom.js";

const INTERVAL = 500;
const answer = byId("collect-answer");
let running = false;

function showCounts({ folder, counts }) {
  byId("collect-folder").textContent = folder;
  byId("collected").replaceChildren(...Object.entries(counts).map(([label, count]) => createElement("div", {}, createElement("dd", { textContent: count }), createElement("dt", { textContent: word("emotion", label) }))));
}

function show(is) {
  running = is;
  byId("collect-start").setAttribute("aria-pressed", is);
  byId("collect-start").textContent = t(is ? "collect.stop" : "collect.start");
}

// Ask for one face after another, until there are enough, or one cannot be written.
async function collect() {
  const label = byId("collect-label").value;
  const count = Number(byId("collect-count").value);
  const body = JSON.stringify({ label });
  let written = 0;
  show(true);
  while (running && written < count && !byId("collect-card").closest(".view").hidden) {
    const told = await ask("api/faces", answer, { method: "POST", body });
    if (!told) return show(false);
    showCounts(told);
    written += told.written;
    showMessage(answer, t("collect.progress", { n: written, count }) + (told.written ? "" : ` · ${t("now.none")}`));
    await new Promise((done) => setTimeout(done, INTERVAL));
  }
  show(false);
  return showMessage(answer, t("collect.done", { n: written }));
}

export async function showCollecting() {
  const response = await request("api/faces");
  byId("collect-card").hidden = !response.ok; // the config may not allow it
  if (!response.ok || running) return;
  const told = await response.json();
  const chosen = byId("collect-label").value;
  byId("collect-label").replaceChildren(...Object.keys(told.counts).map((label) => createElement("option", { value: label, textContent: word("emotion", label), selected: label === chosen })));
  showCounts(told);
}

byId("collect-start").addEventListener("click", () => (running ? show(false) : collect()));
