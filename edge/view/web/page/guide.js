// The guide of a fresh install: camera, orientation, privacy, broker. Each choice is saved at once.

import { ask, byId, createElement, t } from "./dom.js";
import { apply } from "./settings.js";

const answer = byId("guide-answer");
let broker = ""; // key of the host of the first broker

export const isGuided = () => localStorage.getItem("guided") !== null;

export async function showGuide() {
  const told = await ask("api/settings", answer);
  if (!told) return;
  const { cameras, sections } = told;
  const fields = Object.fromEntries(sections.flatMap((section) => section.fields).map((field) => [field.key, field]));
  broker = Object.keys(fields).find((key) => /^sinks\.\d+\.host$/.test(key));
  const present = String(fields["source.device"]?.value ?? fields["source.url"]?.value ?? fields["source.path"]?.value ?? "");
  const path = /^\d+$/.test(present) ? `/dev/video${present}` : present;
  const known = Object.entries(cameras).map(([value, name]) => createElement("option", { value, textContent: `${name} (${value})`, selected: value === path }));
  if (!(path in cameras)) known.unshift(createElement("option", { value: "", textContent: t("guide.camera.used", { camera: path }), selected: true }));
  byId("guide-camera").replaceChildren(...known);
  byId("guide-rotation").value = String(fields["source.rotation"]?.value ?? 0);
  byId("guide-blur").value = fields["privacy.blur"].value;
  byId("guide-host").value = fields[broker].value;
  byId("guide-cameras").textContent = Object.keys(cameras).length ? "" : t("guide.camera.none");
}

byId("guide-camera").addEventListener("change", ({ target }) => target.value && apply({ source: target.value }, answer));
byId("guide-rotation").addEventListener("change", ({ target }) => apply({ "source.rotation": Number(target.value) }, answer));
byId("guide-blur").addEventListener("change", ({ target }) => apply({ "privacy.blur": target.value }, answer));
byId("guide-host").addEventListener("change", ({ target }) => target.value && apply({ [broker]: target.value }, answer));
byId("guide-done").addEventListener("click", () => {
  localStorage.setItem("guided", "yes");
  location.hash = "live";
});
