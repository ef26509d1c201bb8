// The first page of several cameras: an image of each, which leads to its own page.

import { byId, createElement, errorText, language, onLogin, request, showLogin, showMessage, t, word } from "./dom.js";

const INTERVAL = 1000;
const cells = new Map(); // by camera

function newCell(name) {
  const image = createElement("img", { alt: t("camera.named", { name }) });
  const state = createElement("span", { className: "pill" });
  const faces = createElement("small");
  const link = createElement("a", { href: `camera/${name}/` }, createElement("div", {}, image), createElement("strong", { textContent: name }), state, faces);
  const cell = { item: createElement("li", { className: "card" }, link), image, state, faces };
  byId("grid").append(cell.item);
  return cell;
}

function showCameras(cameras) {
  for (const [name, cell] of cells) if (!(name in cameras)) (cell.item.remove(), cells.delete(name));
  for (const [name, { camera, faces }] of Object.entries(cameras)) {
    if (!cells.has(name)) cells.set(name, newCell(name));
    const { image, state, faces: count } = cells.get(name);
    state.textContent = word("camera", camera);
    state.className = `pill ${camera}`;
    const sees = ["online", "frozen", "dark"].includes(camera);
    count.textContent = sees ? faces.map((face) => word("emotion", face.emotion)).join(", ") || t("no.face") : "";
    // A snapshot a second, not a stream: a browser has six connections for all cameras together.
    if (sees) image.src = `camera/${name}/snapshot.jpg?lang=${language}&${Date.now()}`;
    else image.removeAttribute("src");
  }
}

async function refresh() {
  try {
    const response = await request("api/state", {}, false);
    showLogin(response.status === 401);
    if (!response.ok) return;
    const { device, cameras } = await response.json();
    byId("device").textContent = document.title = device;
    showCameras(cameras ?? {});
  } catch {
    showMessage(byId("answer"), t("unreachable"), true);
  }
}

async function pause(paused) {
  const response = await request("api/control", { method: "POST", body: JSON.stringify({ command: "pause", paused }) });
  showMessage(byId("answer"), response.ok ? "" : await errorText(response), !response.ok);
  refresh();
}

byId("pause").addEventListener("click", () => pause(true));
byId("resume").addEventListener("click", () => pause(false));
onLogin(refresh);

refresh();
setInterval(() => document.hidden || refresh(), INTERVAL);
