// The web page: live video, faces, timeline and controls of the daemon.

import { byId, createElement, createShape, errorText, onLogin, request, showLogin, showMessage } from "./dom.js";
import { isGuided, showGuide } from "./guide.js";
import { showHistory } from "./history.js";
import { showSettings } from "./settings.js";
import { showZones } from "./zones.js";

const HISTORY_MINUTES = 60;
const EVENTS = 100;
const LANES = 12;
const LANE = 26;

let state = null;
let colors = {};

function swatch(emotion) {
  const mark = createElement("span", { className: "swatch" });
  mark.style.background = colors[emotion] ?? "#ffffff";
  return mark;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const formatTime = (time) => new Date(time).toLocaleTimeString([], { hourCycle: "h23" });
const certainty = (face) => (face.confidence === null ? face.reasons.join(", ").replaceAll("_", " ") : percent(face.confidence));

function formatDuration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const names = ["d", "h", "min"];
  return parts.map((count, index) => (count ? `${count} ${names[index]}` : "")).filter(Boolean).slice(0, 2).join(" ");
}

// Views: one at a time, chosen by the part of the address after `#`.

function showView() {
  const views = [...document.querySelectorAll(".view")];
  const chosen = views.find((view) => `#${view.dataset.view}` === location.hash) ?? views[0];
  for (const view of views) view.hidden = view !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${chosen.dataset.view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  startVideo();
  drawTimeline();
  if (chosen.dataset.view === "settings") showSettings().then((fields) => fields && showZones(fields));
  if (chosen.dataset.view === "guide") showGuide();
}

async function sendCommand(command, done) {
  const body = JSON.stringify(command);
  try {
    const response = await request("api/control", { method: "POST", body });
    showMessage(byId("answer"), response.ok ? done : await errorText(response), !response.ok);
  } catch {
    showMessage(byId("answer"), "the daemon cannot be reached", true);
  }
  refresh();
}

// Live video.

const video = byId("video");
const screenCard = byId("screen");
let tries = 0;

// The live image of the view that is shown; none where that has none, or nobody looks.
const screens = [video, byId("guide-video"), byId("zones-video")];
const screenOf = () => screens.find((one) => !one.closest(".view").hidden);
const watched = () => !document.hidden && screenOf() !== undefined && ["online", "frozen", "dark"].includes(state?.camera);

function startVideo() {
  for (const one of screens) {
    if (!watched() || one !== screenOf()) one.removeAttribute("src");
    if (one !== video) one.hidden = !watched();
  }
  if (!watched()) return; // nothing is encoded for nobody, nothing shown of before a pause
  const boxes = byId("boxes").getAttribute("aria-pressed");
  screenOf().src = `stream.mjpg?boxes=${boxes}&${tries++}`;
}

video.addEventListener("error", () => setTimeout(startVideo, 2000));
video.addEventListener("load", updateOverlay);
document.addEventListener("visibilitychange", startVideo);
byId("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : screenCard.requestFullscreen()));
byId("boxes").addEventListener("click", ({ currentTarget }) => {
  currentTarget.setAttribute("aria-pressed", currentTarget.getAttribute("aria-pressed") !== "true");
  startVideo();
});

function overlayText() {
  switch (state?.camera) {
    case "paused":
      return ["Paused", state.paused_until ? `The camera is off until ${formatTime(state.paused_until)}.` : "The camera is off until it is resumed."];
    case "offline":
      return ["The camera is away", "The daemon tries again by itself; its log and `emotiond doctor` say why."];
    case "frozen":
      return ["The camera gives the same image again and again", "It may hang: unplug it, or start its stream again."];
    case "dark":
      return ["The camera sees nothing but darkness", "It may be covered, or the light is off."];
    default:
      return video.naturalWidth && video.hasAttribute("src") ? null : ["Waiting for the first frame", ""];
  }
}

function updateOverlay() {
  const text = overlayText();
  byId("overlay").hidden = !text;
  if (text) byId("overlay").replaceChildren(createElement("strong", { textContent: text[0] }), text[1]);
  if (video.naturalWidth) screenCard.style.aspectRatio = `${video.naturalWidth} / ${video.naturalHeight}`;
}

// Faces: a card stays in place as long as its face is in view.

function probabilityBar(label) {
  const full = createElement("i");
  full.style.background = colors[label] ?? "#ffffff";
  const row = createElement("div", { className: "bar" });
  row.append(createElement("span", { textContent: label }), createElement("div", {}, full), createElement("span"));
  return row;
}

function faceCard(face) {
  const labels = Object.keys(face.probabilities ?? {});
  const bars = createElement("div", { className: "bars" }, ...labels.map(probabilityBar));
  return updateCard(createElement("article", { className: "face" }, createElement("h3"), bars), face);
}

function updateCard(card, face) {
  const since = firstSeen.get(face.track_id);
  const stay = since && card.isConnected ? ` · ${formatDuration((Date.now() - since) / 1000)}` : "";
  const affect = face.valence === undefined ? "" : ` · valence ${face.valence.toFixed(2)}, arousal ${face.arousal.toFixed(2)}`;
  const detail = createElement("small", { textContent: `${certainty(face)} · #${face.track_id}${stay}${affect}` });
  card.querySelector("h3").replaceChildren(swatch(face.emotion), face.emotion, detail);
  for (const row of card.querySelectorAll(".bar")) {
    const label = row.firstChild.textContent;
    const share = face.probabilities?.[label] ?? 0;
    row.classList.toggle("first", label === face.emotion);
    row.querySelector("i").style.width = `${100 * share}%`;
    row.lastChild.textContent = percent(share);
  }
  return card;
}

const cards = new Map(); // by track id

function showFaces({ fps, faces }) {
  byId("fps").textContent = fps.toFixed(1);
  const known = new Set(faces.map((face) => face.track_id));
  for (const [track, card] of cards) if (!known.has(track)) (card.remove(), cards.delete(track));
  for (const face of faces) {
    const former = cards.get(face.track_id);
    const bars = Object.keys(face.probabilities ?? {}).length;
    if (former && former.querySelectorAll(".bar").length === bars) updateCard(former, face);
    else {
      const card = faceCard(face);
      if (former) former.replaceWith(card);
      else byId("faces").append(card);
      cards.set(face.track_id, card);
    }
  }
  const empty = byId("faces").querySelector(".empty");
  if (faces.length) empty?.remove();
  else if (!empty) byId("faces").append(createElement("p", { className: "empty", textContent: "No face in view" }));
}

// Timeline and events.

const seenEvents = new Set();
const firstSeen = new Map(); // by track id: when it came
const spans = []; // {track, emotion, start, end}; end is null while it lasts
let minutes = 5;

function closeSpan(track, time) {
  for (const span of spans) if (span.track === track && span.end === null) span.end = Math.max(span.start, time);
}

function addEvent(event) {
  if (seenEvents.has(event.id)) return; // sent again after a reconnection
  seenEvents.add(event.id);
  const time = Date.parse(event.time);
  closeSpan(event.track_id, time);
  if (event.type === "start") firstSeen.set(event.track_id, time);
  if (event.type === "end") firstSeen.delete(event.track_id);
  else spans.push({ track: event.track_id, emotion: event.emotion, start: time, end: null });
  listEvent(event);
}

function listEvent(event) {
  const text = { start: `#${event.track_id} came: ${event.emotion}`, change: `#${event.track_id} ${event.emotion}`, zone: `#${event.track_id} in ${(event.zones ?? []).join(", ") || "no zone"}`, end: `#${event.track_id} left` }[event.type];
  const detail = event.type === "end" ? `after ${formatDuration(event.duration)}` : certainty(event);
  const time = createElement("time", { dateTime: event.time, textContent: formatTime(event.time) });
  const row = createElement("li", {}, time, swatch(event.emotion), createElement("span", { textContent: text }), createElement("small", { textContent: detail }));
  byId("events").prepend(row);
  while (byId("events").children.length > EVENTS) byId("events").lastChild.remove();
}

function drawTimeline() {
  const svg = byId("timeline");
  const now = Date.now();
  sumUp(now);
  if (minutes > HISTORY_MINUTES || svg.closest(".view").hidden) return; // of the records, or not seen
  const from = now - minutes * 60000;
  while (spans.length && spans[0].end !== null && spans[0].end < now - HISTORY_MINUTES * 60000) spans.shift();
  const shown = spans.filter((span) => (span.end ?? now) > from);
  const tracks = [...new Set(shown.map((span) => span.track))].sort((one, other) => one - other).slice(-LANES);
  const width = svg.clientWidth || 600;
  const left = 44;
  const height = Math.max(1, tracks.length) * LANE + 22;
  const x = (time) => left + ((Math.max(from, time) - from) / (now - from)) * (width - left);
  const parts = [];
  for (let part = 0; part <= 5; part++) {
    const ago = (part * minutes) / 5;
    const tick = x(now - ago * 60000);
    const anchor = { 0: "end", 5: "start" }[part] ?? "middle";
    parts.push(createShape("line", { x1: tick, x2: tick, y1: 0, y2: height - 18 }));
    parts.push(createShape("text", { x: tick, y: height - 4, "text-anchor": anchor }, part ? `−${ago} min` : "now"));
  }
  tracks.forEach((track, lane) => parts.push(createShape("text", { x: 0, y: lane * LANE + 17 }, `#${track}`)));
  for (const span of shown) {
    const end = span.end ?? now;
    const lane = tracks.indexOf(span.track);
    if (lane < 0) continue;
    const bar = createShape("rect", { x: x(span.start), y: lane * LANE + 3, width: Math.max(1, x(end) - x(span.start)), height: LANE - 8, rx: 3, fill: colors[span.emotion] ?? "#ffffff" });
    bar.append(createShape("title", {}, `#${span.track}: ${span.emotion}, ${formatDuration((end - span.start) / 1000)}`));
    parts.push(bar);
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren(...parts);
}

// Seconds with somebody in view, visits, and the two most frequent expressions.
function sumUp(now) {
  const from = now - HISTORY_MINUTES * 60000;
  const times = {};
  let present = 0;
  let until = from;
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const [start, end] = [Math.max(from, span.start), span.end ?? now];
    times[span.emotion] = (times[span.emotion] ?? 0) + Math.max(0, end - start);
    present += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  const total = Object.values(times).reduce((sum, time) => sum + time, 0);
  const leading = Object.entries(times).sort((one, other) => other[1] - one[1]).slice(0, 2);
  const faces = new Set(spans.map((span) => span.track)).size;
  const figures = [
    [formatDuration(present / 1000), "with somebody in view"],
    ...leading.map(([emotion, time]) => [percent(time / total), emotion]),
    [faces, faces === 1 ? "face" : "faces"],
  ];
  byId("hour").replaceChildren(...figures.map(([value, name]) => createElement("div", {}, createElement("dd", { textContent: value }), createElement("dt", { textContent: name }))));
}

setInterval(drawTimeline, 1000);

byId("range").addEventListener("click", ({ target }) => {
  if (!target.value) return;
  minutes = Number(target.value);
  for (const button of byId("range").children) button.setAttribute("aria-pressed", button === target);
  showMessage(byId("past"), "");
  if (minutes > HISTORY_MINUTES) showHistory(minutes / 60, byId("timeline"), colors);
  else drawTimeline();
});

// State of the daemon.

function fillSelect(select, names, present) {
  if (document.activeElement === select) return;
  select.replaceChildren(...names.map((name) => createElement("option", { value: name, textContent: name, selected: name === present })));
}

const MODEL_NOTES = { deep: "most accurate", shallow: "fast and small", tiny: "for the smallest boards" };

function showStats(stats) {
  if (!stats) return;
  const latency = stats.frame_latency_ms;
  byId("latency").textContent = latency ? `${latency.p50} / ${latency.p95} ms` : "–";
  byId("dropped").textContent = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  const heat = stats.temperature === null ? "" : ` · ${Math.round(stats.temperature)} °C`;
  byId("cpu").textContent = `${percent(stats.cpu)}${heat}`;
  byId("memory").textContent = `${Math.round(stats.memory / 1e6)} MB`;
  byId("uptime").textContent = formatDuration(stats.uptime);
}

function showLog(lines) {
  const rows = lines.map(({ time, level, message }) => createElement("li", { className: level }, createElement("time", { dateTime: time, textContent: formatTime(time) }), createElement("span", { textContent: message })));
  byId("log").replaceChildren(...(rows.length ? rows.reverse() : [createElement("li", { className: "empty", textContent: "None since the start" })]));
}

const BLUR_NOTES = {
  none: "The video on this page shows what the camera sees. It goes to those who may open this page, and to nobody else.",
  faces: "Faces that are found are made unrecognizable in the video on this page; one that is not found is not.",
  frame: "The image of the camera is hidden: this page shows boxes alone.",
};

const CAMERA_NOTES = { online: "camera on", offline: "camera away", paused: "paused", frozen: "camera frozen", dark: "camera dark" };

function showState(update) {
  const before = state;
  state = { ...state, ...update };
  colors = state.colours;
  byId("device").textContent = document.title = state.device;
  byId("camera").textContent = CAMERA_NOTES[state.camera] ?? state.camera;
  byId("camera").className = `pill ${state.camera}`;
  byId("pause").textContent = state.camera === "paused" ? "Resume" : "Pause";
  byId("minutes").hidden = state.camera === "paused";
  fillSelect(byId("model"), state.models, state.model);
  for (const option of byId("model").options) {
    const kind = MODEL_NOTES[option.value.split("-")[0]];
    if (kind) option.textContent = `${option.value} (${kind})`;
  }
  fillSelect(byId("detector"), state.detectors, state.detector);
  byId("legend").replaceChildren(...Object.keys(colors).map((label) => createElement("li", {}, swatch(label), label)));
  byId("blur").textContent = BLUR_NOTES[state.blur];
  byId("version").textContent = state.version;
  byId("session").hidden = !state.needs_token || state.quit_button;
  byId("ending").hidden = !state.quit_button;
  showStats(state.stats);
  showLog(state.log);
  if (state.camera !== "online") showFaces({ fps: 0, faces: [] });
  if (before?.camera !== state.camera) startVideo();
  updateOverlay();
}

async function refresh() {
  try {
    const response = await request("api/state", {}, false);
    showLogin(response.status === 401);
    if (response.ok) {
      const update = await response.json();
      showState(update);
      showFaces(update);
    }
    return response.ok;
  } catch {
    return false;
  }
}

// Event stream; a browser reconnects by itself unless the daemon answered with an error.

let source = null;

function listen() {
  source?.close();
  source = new EventSource("events");
  source.addEventListener("emotion", (message) => addEvent(JSON.parse(message.data)));
  source.addEventListener("faces", (message) => showFaces(JSON.parse(message.data)));
  source.addEventListener("state", (message) => showState(JSON.parse(message.data)));
  source.addEventListener("open", startVideo);
  source.addEventListener("error", () => {
    byId("camera").textContent = "daemon away";
    byId("camera").className = "pill offline";
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 3000);
  });
}

async function start() {
  if (await refresh()) {
    if (state.quit_button && !isGuided() && !location.hash) location.hash = "guide";
    listen();
  } else if (byId("login").hidden) setTimeout(start, 3000);
}

// Controls.

byId("pause").addEventListener("click", () => {
  if (state.camera === "paused") return sendCommand({ command: "pause", paused: false }, "The camera is started.");
  const minutes = Number(byId("minutes").value);
  const limit = minutes ? { seconds: 60 * minutes } : {};
  return sendCommand({ command: "pause", paused: true, ...limit }, "The camera is off.");
});

for (const name of ["model", "detector"]) {
  byId(name).addEventListener("change", ({ target }) => {
    target.blur();
    sendCommand({ command: name, [name]: target.value }, `${target.value} is used from now on.`);
  });
}

// The link of `emotiond app` brings its token along, after the `#`, which no server and no log sees.
async function useLink() {
  const [, token] = location.hash.match(/^#token=([\w-]+)$/) ?? [];
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await fetch("api/login", { method: "POST", body: JSON.stringify({ token }) });
}

onLogin(start);

byId("quit").addEventListener("click", async () => {
  const response = await request("api/quit", { method: "POST" });
  if (!response.ok) return showMessage(byId("answer"), await errorText(response), true);
  source?.close();
  document.body.replaceChildren(createElement("p", { className: "card gone", textContent: "emotiond has ended. This page can be closed." }));
});

byId("logout").addEventListener("click", async () => {
  await fetch("api/logout", { method: "POST" });
  location.reload();
});

// Upload of an image.

async function analyze(file) {
  showMessage(byId("verdict"), "Looking at it …");
  byId("annotated").hidden = true;
  byId("found").replaceChildren();
  try {
    const response = await request("api/analyse", { method: "POST", body: file });
    if (!response.ok) return showMessage(byId("verdict"), await errorText(response), true);
    const { faces } = await response.json();
    showMessage(byId("verdict"), { 0: "No face was found.", 1: "One face:" }[faces.length] ?? `${faces.length} faces:`);
    byId("found").replaceChildren(...faces.map(faceCard));
    const annotated = await request("api/analyse", { method: "POST", body: file, headers: { Accept: "image/jpeg" } });
    if (annotated.ok) show(await annotated.blob());
  } catch {
    showMessage(byId("verdict"), "the daemon cannot be reached, or did not take all of the file", true);
  }
}

function show(blob) {
  URL.revokeObjectURL(byId("annotated").src);
  byId("annotated").src = URL.createObjectURL(blob);
  byId("annotated").hidden = false;
}

byId("file").addEventListener("change", ({ target }) => target.files[0] && analyze(target.files[0]));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  byId("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) analyze(event.dataTransfer.files[0]);
  });
}

window.addEventListener("hashchange", showView);
await useLink();
showView();
start();
