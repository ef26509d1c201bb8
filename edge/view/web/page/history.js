// Hours and days from the recorded events: stacked bars; a bar that is chosen becomes the whole.

import { ask, byId, choose, createShape, formatDuration, language, percent, shareBar, t, word } from "./dom.js";

const HOUR = 3600000;
const DAY = 24 * HOUR;
const HEIGHT = 150;
const LEFT = 66;
let shown = null; // {start, end, parts, joined} of what is looked at; `joined` parts are one bar
let former = []; // what was looked at before each zoom
let colors = {};

const atDay = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "numeric" });
const atTime = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const total = (seconds) => Object.values(seconds).reduce((sum, value) => sum + value, 0);
// In the order of the classes, which is the same everywhere.
const ordered = (seconds) => [...new Set([...Object.keys(colors), ...Object.keys(seconds)])].filter((one) => one in seconds).map((one) => [one, seconds[one]]);

function spanOf(name) {
  const today = new Date().setHours(0, 0, 0, 0);
  const days = (count, end, joined) => ({ start: end - count * DAY, end, parts: Math.max(48, 24 * count), joined });
  return { today: days(1, today + DAY, 1), yesterday: days(1, today, 1), week: days(7, today + DAY, 4), month: days(31, today + DAY, 24) }[name];
}

// One for each key of the parts, or each group of them: the sum of its seconds.
function sums(parts, keyOf) {
  const found = new Map();
  parts.forEach((part, index) => {
    const key = keyOf(part, index);
    if (!found.has(key)) found.set(key, { start: part.start, seconds: {} });
    const { seconds } = found.get(key);
    for (const [emotion, value] of Object.entries(part.seconds)) seconds[emotion] = (seconds[emotion] ?? 0) + value;
  });
  return found;
}

function stack(seconds, left, width, tallest) {
  let bottom = HEIGHT;
  return ordered(seconds).map(([emotion, value]) => {
    const height = (value / tallest) * (HEIGHT - 10);
    bottom -= height;
    return createShape("rect", { x: left, y: bottom, width: Math.max(1, width - 2), height, fill: colors[emotion] ?? "#ffffff" });
  });
}

function bar(one, left, width, tallest, zoom) {
  const text = ordered(one.seconds).map(([emotion, value]) => `${word("emotion", emotion)} ${formatDuration(value)}`).join(", ");
  const label = `${atDay.format(Date.parse(one.start))} ${atTime.format(Date.parse(one.start))}: ${text || t("past.nobody")}`;
  const group = createShape("g", { tabindex: 0, role: "button", "aria-label": label });
  group.append(createShape("title", {}, label), createShape("rect", { x: left, y: 0, width, height: HEIGHT, class: "hit" }), ...stack(one.seconds, left, width, tallest));
  group.addEventListener("click", zoom);
  group.addEventListener("keydown", ({ key }) => key === "Enter" && zoom());
  return group;
}

function fill(svg, tallest, parts) {
  const width = svg.clientWidth || 600;
  const lines = [10, HEIGHT / 2 + 5, HEIGHT].map((y) => createShape("line", { x1: LEFT, x2: width, y1: y, y2: y }));
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT + 22}`);
  svg.setAttribute("height", HEIGHT + 22);
  svg.replaceChildren(...lines, ...parts, createShape("text", { x: 0, y: 14 }, formatDuration(tallest)));
}

function drawBars(bars) {
  const svg = byId("past-bars");
  const { start, end } = shown;
  const width = svg.clientWidth || 600;
  const step = (width - LEFT) / bars.length;
  const tallest = Math.max(60, ...bars.map((one) => total(one.seconds)));
  const length = (end - start) / bars.length;
  const zoom = (index) => () => {
    if (length < 60000) return;
    former.push(shown);
    look({ start: start + index * length, end: start + (index + 1) * length, parts: 48, joined: 1 });
  };
  const parts = bars.map((one, index) => bar(one, LEFT + index * step, step, tallest, zoom(index)));
  const ticks = width < 500 ? 2 : 4; // so that no two texts touch
  for (let part = 0; part <= ticks; part++) {
    const format = end - start > 2 * DAY ? atDay : atTime;
    const anchor = { 0: "start", [ticks]: "end" }[part] ?? "middle";
    parts.push(createShape("text", { x: LEFT + (part * (width - LEFT)) / ticks, y: HEIGHT + 18, "text-anchor": anchor }, format.format(start + (part * (end - start)) / ticks)));
  }
  fill(svg, tallest, parts);
}

function drawHours(parts) {
  const found = sums(parts, (part) => new Date(part.start).getHours());
  const hours = [...Array(24).keys()].map((hour) => found.get(hour)?.seconds ?? {});
  const step = ((byId("past-hours").clientWidth || 600) - LEFT) / 24;
  const tallest = Math.max(60, ...hours.map(total));
  const drawn = hours.flatMap((seconds, hour) => stack(seconds, LEFT + hour * step, step, tallest));
  const labels = [0, 6, 12, 18].map((hour) => createShape("text", { x: LEFT + hour * step, y: HEIGHT + 18 }, `${hour}:00`));
  fill(byId("past-hours"), tallest, [...drawn, ...labels]);
}

async function look(span) {
  shown = span;
  byId("past-back").hidden = !former.length;
  const query = `hours=${(span.end - span.start) / HOUR}&end=${new Date(span.end).toISOString()}`;
  const told = await ask(`api/history?${query}&parts=${span.parts}`, byId("past"));
  for (const name of ["report", "report-download"]) {
    byId(name).href = `api/report?${query}`;
    byId(name).hidden = !told?.faces;
  }
  if (!told || shown !== span) return;
  const { faces, in_view: inView, seconds, bars, zones } = told;
  byId("past").classList.remove("bad");
  byId("past").textContent = faces ? t(faces === 1 ? "past.one" : "past.many", { n: faces, time: formatDuration(inView) }) : t("found.none");
  drawBars([...sums(bars, (_, index) => Math.floor(index / span.joined)).values()]);
  drawHours(bars);
  const all = total(seconds);
  byId("past-emotions").replaceChildren(...ordered(seconds).map(([emotion, value]) => shareBar(word("emotion", emotion), colors[emotion], value / all, `${percent(value / all)} · ${formatDuration(value)}`)));
  const longest = Math.max(...Object.values(zones));
  byId("past-zones").replaceChildren(...Object.entries(zones).map(([zone, value]) => shareBar(zone, "var(--soft)", value / longest, formatDuration(value))));
  byId("past-zones-card").hidden = !Object.keys(zones).length;
}

export function showHistory(present) {
  colors = present;
  look(shown ?? spanOf("today"));
}

byId("span").addEventListener("click", ({ target }) => {
  if (!target.value) return;
  choose(byId("span"), target);
  former = [];
  look(spanOf(target.value));
});
byId("past-back").addEventListener("click", () => look(former.pop()));
