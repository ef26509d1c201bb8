// The guide of a fresh install: camera, orientation, privacy, broker. Each choice is saved at once.

import { ask, byId, createElement, errorText, request, t } from "./dom.js";
import { apply } from "./settings.js";

const INTERVAL = 1000; // milliseconds
const answer = byId("guide-answer");
const stills = new Map(); // by camera: the address of its image, once one was taken
let broker = ""; // key of the host of the first broker
let blur = ""; // that the images were taken with
let turn = 0; // of showing the list: a newer one ends the older

export const isGuided = () => localStorage.getItem("guided") !== null;

function entry([path, name, used]) {
  const radio = createElement("input", { type: "radio", name: "guide-camera", value: path, checked: used });
  const picture = createElement("span", { className: "picture", textContent: t("guide.still") });
  return createElement("label", { className: "still" }, radio, picture, createElement("span", { textContent: name }));
}

// The address of an image of a camera: the one in use gives it anyway, of any other one is taken. While
// the page changes with the settings, or another image is being taken, it is asked for again.
async function take(path, used, tries = 10) {
  if (stills.has(path)) return stills.get(path);
  const options = { method: "POST", body: JSON.stringify({ device: path }) };
  const response = await (used ? request("snapshot.jpg?boxes=false") : request("api/still", options)).catch(() => null);
  if (tries && (!response || response.status === 503)) {
    await new Promise((done) => setTimeout(done, INTERVAL));
    return take(path, used, tries - 1);
  }
  if (!response?.ok) throw new Error(response ? await errorText(response) : t("unreachable"));
  const address = URL.createObjectURL(await response.blob());
  if (!used) stills.set(path, address);
  return address;
}

async function showCameras({ cameras, used }, present) {
  const mine = ++turn;
  const list = byId("guide-camera");
  const focused = list.contains(document.activeElement);
  const known = Object.entries(cameras).map(([path, name]) => [path, `${name} (${path})`, used.includes(path)]);
  if (!used.length) known.unshift(["", t("guide.camera.used", { camera: present }), true]);
  list.replaceChildren(list.firstElementChild, ...known.map(entry));
  if (focused) list.querySelector(":checked").focus();
  for (const [path, , isUsed] of known) { // one after another: they may share a bus
    if (mine !== turn || list.closest(".view").hidden) return;
    const picture = list.querySelector(`[value="${CSS.escape(path)}"] + .picture`);
    try {
      picture.replaceChildren(createElement("img", { src: await take(path, isUsed), alt: "" }));
    } catch (error) {
      picture.textContent = error.message;
    }
  }
}

export async function showGuide() {
  const told = await ask("api/settings", answer);
  if (!told) return;
  const fields = Object.fromEntries(told.sections.flatMap((section) => section.fields).map((field) => [field.key, field]));
  broker = Object.keys(fields).find((key) => /^sinks\.\d+\.host$/.test(key));
  const present = String(fields["source.device"]?.value ?? fields["source.url"]?.value ?? fields["source.path"]?.value ?? "");
  byId("guide-rotation").value = String(fields["source.rotation"]?.value ?? 0);
  if (blur !== fields["privacy.blur"].value) stills.clear(); // they show too much now, or too little
  blur = byId("guide-blur").value = fields["privacy.blur"].value;
  byId("guide-host").value = fields[broker].value;
  byId("guide-cameras").textContent = Object.keys(told.cameras).length ? "" : t("guide.camera.none");
  await showCameras(told, /^\d+$/.test(present) ? `/dev/video${present}` : present);
}

byId("guide-camera").addEventListener("change", async ({ target }) => {
  if (target.value && (await apply({ source: target.value }, answer))) byId("guide-camera").querySelector("[value='']")?.parentElement.remove();
  else showGuide(); // what holds is chosen again
});
byId("guide-blur").addEventListener("change", ({ target }) => apply({ "privacy.blur": target.value }, answer).then(showGuide));
byId("guide-rotation").addEventListener("change", ({ target }) => apply({ "source.rotation": Number(target.value) }, answer));
byId("guide-host").addEventListener("change", ({ target }) => target.value && apply({ [broker]: target.value }, answer));
byId("guide-done").addEventListener("click", () => {
  localStorage.setItem("guided", "yes");
  location.hash = "live";
});
