// Stored snapshots of events: a card that is there while there are any.

import { byId, createElement, errorText, request, showMessage } from "./dom.js";

const REFRESH_MS = 15000;
const card = byId("snapshots");
const list = createElement("ol", { className: "snapshots" });
const more = createElement("button", { type: "button", textContent: "Older" });
const all = createElement("button", { type: "button", textContent: "Delete all" });
const count = createElement("span");
const answer = createElement("p");
answer.setAttribute("role", "status");
card.append(list, createElement("div", { className: "row" }, count, more, all), answer);

const format = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const shown = () => [...list.children].map((entry) => entry.dataset.name);

async function ask(path, options) {
  try {
    const response = await request(path, options);
    showMessage(answer, response.ok ? "" : await errorText(response), !response.ok);
    return response.ok ? response.json() : null;
  } catch {
    return null; // the page says elsewhere that the daemon is away
  }
}

function entry({ name, time, type, emotion, track_id: track }) {
  const text = `${format.format(Date.parse(time))}: #${track} ${type === "start" ? "came, " : ""}${emotion}`;
  const link = createElement("a", { href: `api/snapshots/${name}`, target: "_blank" }, createElement("img", { src: `api/snapshots/${name}`, loading: "lazy", alt: text }));
  const remove = createElement("button", { type: "button", textContent: "Delete" });
  remove.setAttribute("aria-label", `Delete ${text}`);
  remove.addEventListener("click", async () => (await ask(`api/snapshots/${name}`, { method: "DELETE" })) && refresh());
  const item = createElement("li", {}, link, createElement("small", { textContent: text }), remove);
  item.dataset.name = name;
  return item;
}

async function refresh() {
  if (document.hidden || card.closest(".view").hidden || !byId("login").hidden) return;
  const stored = await ask("api/snapshots");
  if (stored === null) return;
  card.hidden = stored.count === 0;
  count.textContent = `${stored.count} stored, ${(stored.bytes / 1e6).toFixed(1)} MB`;
  const names = stored.snapshots.map(({ name }) => name);
  if (names.join() !== shown().join()) list.replaceChildren(...stored.snapshots.map(entry));
  more.hidden = stored.count <= list.children.length;
}

more.addEventListener("click", async () => {
  const stored = await ask(`api/snapshots?before=${shown().at(-1)}`);
  if (stored?.snapshots.length) list.replaceChildren(...stored.snapshots.map(entry));
});
all.addEventListener("click", async () => {
  if (!window.confirm("Delete every stored snapshot?")) return;
  await ask("api/snapshots", { method: "DELETE" });
  refresh();
});
setInterval(refresh, REFRESH_MS);
for (const event of ["hashchange", "visibilitychange"]) window.addEventListener(event, () => setTimeout(refresh));
refresh();
