// Files: an image is analyzed at once; a video in the background, by a process of its own.

import { ask, byId, counted, createElement, errorText, language, percent, request, showMessage, t } from "./dom.js";
import { areOpen, faceCard } from "./faces.js";

const MAX_VIDEO_BYTES = 300e6; // as the daemon's own limit, which it would tell too late
const INTERVAL = 1000;
const RESULTS = { "annotated.mp4": "video.copy", "events.jsonl": "video.events", "report.html": "video.report" };
const VIDEO = /\.(mp4|mkv|mov|avi|webm|ts|m4v|h264|mpg)$/i;

let colors = {};
let timer = 0;

async function analyze(file) {
  const verdict = byId("verdict");
  showMessage(verdict, t("upload.looking"));
  byId("annotated").hidden = true;
  byId("found").replaceChildren();
  try {
    const response = await request("api/analyse", { method: "POST", body: file });
    if (!response.ok) return showMessage(verdict, await errorText(response), true);
    const { faces } = await response.json();
    showMessage(verdict, faces.length ? counted("found", faces.length) : t("found.none"));
    byId("found").replaceChildren(...faces.map((face) => faceCard(face, colors, areOpen(faces.length))));
    const annotated = await request(`api/analyse?lang=${language}`, { method: "POST", body: file, headers: { Accept: "image/jpeg" } });
    if (annotated.ok) show(await annotated.blob());
  } catch {
    showMessage(verdict, t("upload.broke"), true);
  }
}

function show(blob) {
  URL.revokeObjectURL(byId("annotated").src);
  byId("annotated").src = URL.createObjectURL(blob);
  byId("annotated").hidden = false;
}

// `fetch` does not tell how much was sent.
function send(file) {
  const verdict = byId("verdict");
  const megabytes = (size) => Math.ceil(size / 1e6);
  if (file.size > MAX_VIDEO_BYTES) return showMessage(verdict, t("upload.large", { limit: megabytes(MAX_VIDEO_BYTES), size: megabytes(file.size) }), true);
  const upload = new XMLHttpRequest();
  upload.responseType = "json";
  upload.upload.addEventListener("progress", ({ loaded, total }) => showMessage(verdict, t("upload.sending", { name: file.name, share: percent(loaded / total) })));
  upload.addEventListener("load", () => {
    showMessage(verdict, upload.response?.error?.message ?? "", upload.status !== 200);
    showVideos();
  });
  upload.addEventListener("error", () => showMessage(verdict, t("upload.broke"), true));
  upload.open("POST", `api/videos?name=${encodeURIComponent(file.name.slice(-100))}`);
  upload.send(file);
}

const take = (file) => (file.type.startsWith("video/") || VIDEO.test(file.name) ? send(file) : analyze(file));

const rows = new Map(); // by the video's id

function newRow({ id, name }) {
  const state = createElement("span", { className: "state" });
  const progress = createElement("progress", { ariaLabel: t("video.progress", { name }) });
  const remove = createElement("button", { type: "button" });
  remove.addEventListener("click", async () => {
    await ask(`api/videos/${id}`, byId("verdict"), { method: "DELETE" });
    showVideos();
  });
  const head = createElement("div", { className: "row" }, createElement("strong", { textContent: name }), state, progress, remove);
  const item = createElement("li", {}, head);
  byId("videos").append(item);
  return { item, state, progress, remove };
}

function results({ id, name, files }) {
  const address = (file) => `api/videos/${id}/${file}`;
  const links = files.map((file) => createElement("a", { className: "button", href: address(file), download: `${name}-${file}`, textContent: t(RESULTS[file]) }));
  const player = createElement("video", { src: address("annotated.mp4"), controls: true, preload: "metadata", ariaLabel: t("video.play", { name }) });
  return [...(files.includes("annotated.mp4") ? [player] : []), createElement("div", { className: "row" }, ...links)];
}

function update(row, video) {
  const { state, name, frames, total, error, files } = video;
  const running = state === "waiting" || state === "analyzing";
  const share = total ? Math.min(1, frames / total) : 0;
  row.state.textContent = state === "failed" ? error : t(`video.${running && !frames ? "waiting" : state}`, { share: total ? percent(share) : frames });
  row.state.classList.toggle("bad", state === "failed");
  row.progress.hidden = !running;
  if (total) row.progress.value = share;
  row.remove.textContent = t(running ? "cancel" : "delete");
  row.remove.setAttribute("aria-label", running ? `${t("cancel")} ${name}` : t("delete.named", { name }));
  if (!running && !row.shown) row.item.append(...results(video));
  row.shown = !running;
}

// List the videos, again and again while one is analyzed.
export async function showVideos(present = colors) {
  colors = present;
  clearTimeout(timer);
  const told = await ask("api/videos", byId("verdict"));
  if (!told) return;
  const ids = new Set(told.videos.map((video) => video.id));
  for (const [id, row] of rows) if (!ids.has(id)) (row.item.remove(), rows.delete(id));
  for (const video of told.videos) {
    if (!rows.has(video.id)) rows.set(video.id, newRow(video));
    update(rows.get(video.id), video);
  }
  if (told.videos.some(({ state }) => state === "waiting" || state === "analyzing")) timer = setTimeout(showVideos, INTERVAL);
}

byId("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) take(target.files[0]);
  target.value = "";
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  byId("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}
