// Zones and regions to ignore, drawn on the live image. Corners are shares of the image.

import { byId, createElement, createShape, t } from "./dom.js";
import { apply } from "./settings.js";

const answer = byId("zones-answer");
let corners = []; // of what is being drawn
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
  ];
  byId("zones-shapes").replaceChildren(...shapes);
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

byId("zones-shapes").addEventListener("click", (event) => {
  const frame = byId("zones-shapes").getBoundingClientRect();
  corners.push([round((event.clientX - frame.left) / frame.width), round((event.clientY - frame.top) / frame.height)]);
  draw();
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
