// Zones and regions to ignore, drawn on the live image. Corners are shares of the image.

import { byId, createElement, createShape, showMessage, t } from "./dom.js";
import { apply } from "./settings.js";

const answer = byId("zones-answer");
const drawing = byId("zones-shapes");
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.05; // of the image, for an arrow key; with Shift a fifth of it
let corners = []; // of what is being drawn
let cursor = [0.5, 0.5]; // that arrow keys move
let zones = {}; // by name, as the config has them
let ignored = [];

const round = (share) => Math.round(share * 1000) / 1000;
const points = (polygon) => polygon.map((corner) => corner.join(",")).join(" ");

function draw() {
  const shapes = [
    ...Object.values(zones).map((polygon) => createShape("polygon", { points: points(polygon), class: "zone" })),
    ...ignored.map((polygon) => createShape("polygon", { points: points(polygon), class: "ignored" })),
    createShape("polyline", { points: points(corners), class: "drawn" }),
    ...corners.map(([x, y]) => createShape("circle", { cx: x, cy: y, r: 0.008, class: "drawn" })),
    ...["under", "over"].map((name) => createShape("path", { d: `M${cursor[0]} 0V1M0 ${cursor[1]}H1`, class: name })),
  ];
  drawing.replaceChildren(...shapes);
  for (const name of ["zone-add", "zone-ignore"]) byId(name).disabled = corners.length < 3;
  byId("zone-clear").disabled = corners.length === 0;
}

async function save(values) {
  if (!(await apply(values, answer))) return;
  corners = [];
  byId("zone-name").value = "";
  [zones, ignored] = [values.zones ?? zones, values.ignore ?? ignored];
  list();
}

function entry(text, remove) {
  const button = createElement("button", { type: "button", textContent: t("delete") });
  button.setAttribute("aria-label", t("delete.named", { name: text }));
  button.addEventListener("click", remove);
  return createElement("li", { className: "row" }, createElement("span", { textContent: text }), button);
}

function list() {
  const named = Object.keys(zones).map((name) => entry(name, () => save({ zones: Object.fromEntries(Object.entries(zones).filter(([other]) => other !== name)) })));
  const black = ignored.map((_, index) => entry(t("zones.black", { n: index + 1 }), () => save({ ignore: ignored.filter((__, other) => other !== index) })));
  byId("zone-list").replaceChildren(...named, ...black);
  draw();
}

export function showZones(fields) {
  zones = fields.zones?.value ?? {};
  ignored = fields.ignore?.value ?? [];
  list();
}

function tell(key) {
  const [x, y] = cursor.map((share) => Math.round(100 * share));
  showMessage(answer, t(key, { x, y, n: corners.length }));
}

drawing.addEventListener("click", (event) => {
  const frame = drawing.getBoundingClientRect();
  corners.push([round((event.clientX - frame.left) / frame.width), round((event.clientY - frame.top) / frame.height)]);
  draw();
});
drawing.addEventListener("focus", () => drawing.matches(":focus-visible") && tell("zones.cursor"));
drawing.addEventListener("keydown", (event) => {
  const { key } = event;
  if (!(key in MOVES) && !["Enter", " ", "Backspace"].includes(key)) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (key in MOVES) {
    const step = event.shiftKey ? STEP / 5 : STEP;
    cursor = cursor.map((share, axis) => Math.min(1, Math.max(0, share + step * MOVES[key][axis])));
  } else if (key === "Backspace") corners.pop();
  else corners.push(cursor.map(round));
  draw();
  tell(key in MOVES ? "zones.cursor" : "zones.corners");
});
byId("zone-add").addEventListener("click", () => {
  const name = byId("zone-name").value.trim();
  if (!name) return byId("zone-name").focus();
  return save({ zones: { ...zones, [name]: corners } });
});
byId("zone-ignore").addEventListener("click", () => save({ ignore: [...ignored, corners] }));
byId("zone-clear").addEventListener("click", () => {
  corners = [];
  draw();
});
