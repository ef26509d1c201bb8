// Stored snapshots of events: a card that is there while there are any.

import { ask, byId, createElement, language, t, word } from "./dom.js";

const REFRESH_MS = 15000;
const card = byId("snapshots");
const list = createElement("ol", { className: "snapshots", tabIndex: 0 });
const more = createElement("button", { type: "button", textContent: t("snapshots.older") });
const all = createElement("button", { type: "button", textContent: t("snapshots.delete") });
const count = createElement("span");
const answer = createElement("p");
answer.setAttribute("role", "status");
card.append(list, createElement("div", { className: "row" }, count, more, all), answer);

const format = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const shown = () => [...list.children].map((entry) => entry.dataset.name);

function entry({ name, time, type, emotion, track_id: track }) {
  const [date, event] = [format.format(Date.parse(time)), t(type === "start" ? "event.start" : "event.change", { track, emotion: word("emotion", emotion) })];
  const text = `${date}: ${event}`;
  const link = createElement("a", { href: `api/snapshots/${name}`, target: "_blank" }, createElement("img", { src: `api/snapshots/${name}`, loading: "lazy", alt: text }));
  const remove = createElement("button", { type: "button", textContent: "✕" });
  remove.setAttribute("aria-label", t("delete.named", { name: text }));
  remove.addEventListener("click", async () => (await ask(`api/snapshots/${name}`, answer, { method: "DELETE" })) && refresh());
  const item = createElement("li", {}, link, createElement("small", {}, date, createElement("br"), event), remove);
  item.dataset.name = name;
  return item;
}

async function refresh() {
  if (document.hidden || card.closest(".view").hidden || !byId("login").hidden) return;
  const stored = await ask("api/snapshots", answer);
  if (stored === null) return;
  card.hidden = stored.count === 0;
  count.textContent = t("snapshots.stored", { n: stored.count, size: (stored.bytes / 1e6).toFixed(1) });
  const names = stored.snapshots.map(({ name }) => name);
  if (names.join() !== shown().join()) list.replaceChildren(...stored.snapshots.map(entry));
  more.hidden = stored.count <= list.children.length;
}

more.addEventListener("click", async () => {
  const stored = await ask(`api/snapshots?before=${shown().at(-1)}`, answer);
  if (stored?.snapshots.length) list.replaceChildren(...stored.snapshots.map(entry));
});
all.addEventListener("click", async () => {
  if (!window.confirm(t("snapshots.confirm"))) return;
  await ask("api/snapshots", answer, { method: "DELETE" });
  refresh();
});
setInterval(refresh, REFRESH_MS);
for (const event of ["hashchange", "visibilitychange"]) window.addEventListener(event, () => setTimeout(refresh));
refresh();
