// Hours and days from the recorded events: stacked bars; a bar that is chosen becomes the whole.

import { byId, createElement, createShape, errorText, request, showMessage } from "./dom.js";

const HEIGHT = 150;
const LEFT = 44;
let shown = null; // {hours, end} of what is looked at; end is null for now
let former = []; // what was looked at before each zoom

const atDay = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "numeric" });
const atTime = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const minutes = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);

function bar(one, left, width, tallest, colors, zoom) {
  const parts = [];
  let bottom = HEIGHT;
  for (const [emotion, seconds] of Object.entries(one.seconds)) {
    const height = (seconds / tallest) * (HEIGHT - 10);
    bottom -= height;
    parts.push(createShape("rect", { x: left, y: bottom, width: Math.max(1, width - 2), height, fill: colors[emotion] ?? "#ffffff" }));
  }
  const text = Object.entries(one.seconds).map(([emotion, seconds]) => `${emotion} ${minutes(seconds)}`).join(", ");
  const group = createShape("g", { tabindex: 0, role: "button", "aria-label": `${atDay.format(Date.parse(one.start))} ${atTime.format(Date.parse(one.start))}: ${text || "nobody"}` });
  group.append(createShape("title", {}, group.getAttribute("aria-label")), createShape("rect", { x: left, y: 0, width, height: HEIGHT, class: "hit" }), ...parts);
  group.addEventListener("click", zoom);
  group.addEventListener("keydown", ({ key }) => key === "Enter" && zoom());
  return group;
}

function draw({ start, end, faces, in_view: inView, seconds, bars }, svg, colors) {
  const [from, until] = [Date.parse(start), Date.parse(end)];
  const width = svg.clientWidth || 600;
  const step = (width - LEFT) / bars.length;
  const totals = bars.map((one) => Object.values(one.seconds).reduce((sum, value) => sum + value, 0));
  const tallest = Math.max(60, ...totals);
  const length = (until - from) / bars.length;
  const zoom = (index) => () => length >= 60000 && look(length / 3600000, new Date(from + (index + 1) * length).toISOString(), svg, colors, true);
  const parts = bars.map((one, index) => bar(one, LEFT + index * step, step, tallest, colors, zoom(index)));
  for (let part = 0; part <= 4; part++) {
    const time = from + (part * (until - from)) / 4;
    const format = until - from > 2 * 86400000 ? atDay : atTime;
    const anchor = { 0: "start", 4: "end" }[part] ?? "middle";
    parts.push(createShape("text", { x: LEFT + (part * (width - LEFT)) / 4, y: HEIGHT + 18, "text-anchor": anchor }, format.format(time)));
  }
  parts.push(createShape("text", { x: 0, y: 12 }, minutes(tallest)));
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT + 22}`);
  svg.setAttribute("height", HEIGHT + 22);
  svg.replaceChildren(...parts);
  const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
  const shares = Object.entries(seconds).slice(0, 3).map(([emotion, value]) => `${emotion} ${Math.round((100 * value) / total)} %`);
  const text = `${faces === 1 ? "One face" : `${faces} faces`}, somebody in view for ${minutes(inView)}${shares.length ? `: ${shares.join(", ")}` : ""}.`;
  byId("past").replaceChildren(text);
  if (!former.length) return;
  const back = createElement("button", { type: "button", textContent: "Back" });
  back.addEventListener("click", () => {
    const before = former.pop();
    look(before.hours, before.end, svg, colors);
  });
  byId("past").append(" ", back);
}

async function look(hours, end, svg, colors, zoomed = false) {
  if (zoomed) former.push(shown);
  shown = { hours, end };
  const response = await request(`api/history?hours=${hours}${end ? `&end=${encodeURIComponent(end)}` : ""}`);
  if (!response.ok) {
    svg.replaceChildren();
    return showMessage(byId("past"), await errorText(response), true);
  }
  byId("past").classList.remove("bad");
  return draw(await response.json(), svg, colors);
}

export function showHistory(hours, svg, colors) {
  former = [];
  return look(hours, null, svg, colors);
}
