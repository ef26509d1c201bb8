// The web page: live video, faces, timeline and controls of the daemon.

import { ask, byId, choose, counted, createElement, createShape, errorText, formatDuration, formatTime, language, languages, onLogin, percent, request, showLogin, showMessage, swatch, t, word } from "./dom.js";
import { showCollecting } from "./collect.js";
import { areOpen, certainty, faceCard, updateCard } from "./faces.js";
import { showVideos } from "./files.js";
import { isGuided, showGuide } from "./guide.js";
import { showHistory } from "./history.js";
import { showSettings } from "./settings.js";
import { onWebcam, stopWebcam } from "./webcam.js";
import { showZones } from "./zones.js";

const HISTORY_MINUTES = 60;
const EVENTS = 100;
const LANES = 12;
const LANE = 26;
const ANSWER_MS = 6000; // for which the answer to a command is shown

let state = null;
let colors = {};

// Views: one at a time, chosen by the part of the address after `#`.

function showView() {
  const views = [...document.querySelectorAll(".view")];
  const chosen = views.find((view) => `#${view.dataset.view}` === location.hash) ?? views[0];
  for (const view of views) view.hidden = view !== chosen;
  document.body.dataset.shown = chosen.dataset.view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${chosen.dataset.view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  startVideo();
  drawTimeline();
  if (chosen.dataset.view !== "files") stopWebcam();
  const fillView = {
    settings: () => showSettings().then((fields) => fields && showZones(fields)),
    guide: showGuide,
    history: () => showHistory(colors),
    files: () => Promise.all([showVideos(colors), showCollecting()]),
  };
  if (state) fillView[chosen.dataset.view]?.();
}

let clearing = 0;

async function sendCommand(command, done) {
  const options = { method: "POST", body: JSON.stringify(command) };
  // What it changes comes as an event; an answer asked for here could be of before, arrive after it, and stay.
  if (await ask("api/control", byId("answer"), options)) showMessage(byId("answer"), done);
  else refresh(); // a choice that was refused, or the login
  clearTimeout(clearing);
  clearing = setTimeout(() => showMessage(byId("answer"), ""), ANSWER_MS);
}

// Live video.

const video = byId("video");
const screenCard = byId("screen");
let tries = 0;

// The live image of the view that is shown; none where that has none, or nobody looks.
const screens = [video, byId("guide-video"), byId("zones-video"), byId("collect-video")];
const screenOf = () => screens.find((one) => !one.closest(".view").hidden);
const watched = () => !document.hidden && screenOf() !== undefined && ["online", "frozen", "dark"].includes(state?.camera);

function startVideo() {
  for (const one of screens) {
    if (!watched() || one !== screenOf()) one.removeAttribute("src");
    if (one !== video) one.hidden = !watched();
  }
  if (!watched()) return; // nothing is encoded for nobody, nothing shown of before a pause
  const boxes = screenOf().id !== "zones-video" && byId("boxes").getAttribute("aria-pressed");
  screenOf().src = `stream.mjpg?boxes=${boxes}&lang=${language}&${tries++}`;
}

byId("snapshot").href = `snapshot.jpg?lang=${language}`;
video.addEventListener("error", () => setTimeout(startVideo, 2000));
video.addEventListener("load", updateOverlay);
document.addEventListener("visibilitychange", startVideo);
byId("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : screenCard.requestFullscreen()));
byId("boxes").addEventListener("click", ({ currentTarget }) => {
  currentTarget.setAttribute("aria-pressed", currentTarget.getAttribute("aria-pressed") !== "true");
  startVideo();
});

function overlayText() {
  const { camera, paused_until: until } = state ?? {};
  if (camera === "paused") return [t("overlay.paused"), until ? t("overlay.paused.until", { time: formatTime(until) }) : t("overlay.paused.open")];
  if (["offline", "frozen", "dark"].includes(camera)) return [t(`overlay.${camera}`), t(`overlay.${camera}.text`)];
  return video.naturalWidth && video.hasAttribute("src") ? null : [t("overlay.wait"), ""];
}

function updateOverlay() {
  const text = overlayText();
  byId("overlay").hidden = !text;
  for (const one of [byId("boxes"), byId("snapshot")]) one.hidden = text;
  if (text) byId("overlay").replaceChildren(createElement("strong", { textContent: text[0] }), text[1]);
  if (video.naturalWidth) screenCard.style.aspectRatio = `${video.naturalWidth} / ${video.naturalHeight}`;
}

// Faces: a card stays in place as long as its face is in view.

const cards = new Map(); // by track id

function showFaces({ fps, faces }) {
  byId("fps").textContent = fps.toFixed(1);
  const known = new Set(faces.map((face) => face.track_id));
  for (const [track, card] of cards) if (!known.has(track)) (card.remove(), cards.delete(track));
  for (const face of faces) {
    const former = cards.get(face.track_id);
    const bars = Object.keys(face.probabilities ?? {}).length;
    if (former && former.querySelectorAll(".bar").length === bars) updateCard(former, face, colors, firstSeen.get(face.track_id));
    else {
      const card = faceCard(face, colors, former?.open ?? areOpen(faces.length));
      if (former) former.replaceWith(card);
      else byId("faces").append(card);
      cards.set(face.track_id, card);
    }
  }
  const empty = byId("faces").querySelector(".empty");
  if (faces.length) empty?.remove();
  else if (!empty) byId("faces").append(createElement("p", { className: "empty", textContent: t("now.none") }));
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
  const emotion = word("emotion", event.emotion);
  const text = t(`event.${event.type}`, { track: event.track_id, emotion, zones: (event.zones ?? []).join(", ") || t("event.zone.none") });
  const detail = event.type === "end" ? t("event.after", { time: formatDuration(event.duration) }) : certainty(event);
  const time = createElement("time", { dateTime: event.time, textContent: formatTime(event.time) });
  const row = createElement("li", {}, time, swatch(colors[event.emotion]), createElement("span", { textContent: text }), createElement("small", { textContent: detail }));
  byId("events").prepend(row);
  while (byId("events").children.length > EVENTS) byId("events").lastChild.remove();
}

function drawTimeline() {
  const svg = byId("timeline");
  const now = Date.now();
  sumUp(now);
  if (svg.closest(".view").hidden) return;
  const from = now - minutes * 60000;
  while (spans.length && spans[0].end !== null && spans[0].end < now - HISTORY_MINUTES * 60000) spans.shift();
  const shown = spans.filter((span) => (span.end ?? now) > from);
  const tracks = [...new Set(shown.map((span) => span.track))].sort((one, other) => one - other).slice(-LANES);
  const width = svg.clientWidth || 600;
  const left = 44;
  const height = Math.max(1, tracks.length) * LANE + 22;
  const x = (time) => left + ((Math.max(from, time) - from) / (now - from)) * (width - left);
  const parts = [];
  const ticks = minutes === 5 ? 5 : 4;
  const every = width < 500 ? 2 : 1; // so that no two texts touch
  for (let part = 0; part <= ticks; part++) {
    const ago = (part * minutes) / ticks;
    const tick = x(now - ago * 60000);
    const anchor = { 0: "end", [ticks]: "start" }[part] ?? "middle";
    parts.push(createShape("line", { x1: tick, x2: tick, y1: 0, y2: height - 18 }));
    if (part % every === 0) parts.push(createShape("text", { x: tick, y: height - 4, "text-anchor": anchor }, part ? t("timeline.ago", { minutes: ago }) : t("timeline.now")));
  }
  tracks.forEach((track, lane) => parts.push(createShape("text", { x: 0, y: lane * LANE + 17 }, `#${track}`)));
  for (const span of shown) {
    const end = span.end ?? now;
    const lane = tracks.indexOf(span.track);
    if (lane < 0) continue;
    const bar = createShape("rect", { x: x(span.start), y: lane * LANE + 3, width: Math.max(1, x(end) - x(span.start)), height: LANE - 8, rx: 3, fill: colors[span.emotion] ?? "#ffffff" });
    bar.append(createShape("title", {}, `#${span.track}: ${word("emotion", span.emotion)}, ${formatDuration((end - span.start) / 1000)}`));
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
    [formatDuration(present / 1000), t("hour.present")],
    ...leading.map(([emotion, time]) => [percent(time / total), word("emotion", emotion)]),
    [faces, t(faces === 1 ? "hour.face.one" : "hour.face.many")],
  ];
  byId("hour").replaceChildren(...figures.map(([value, name]) => createElement("div", {}, createElement("dd", { textContent: value }), createElement("dt", { textContent: name }))));
}

setInterval(drawTimeline, 1000);

byId("range").addEventListener("click", ({ target }) => {
  if (!target.value) return;
  minutes = Number(target.value);
  choose(byId("range"), target);
  drawTimeline();
});

// State of the daemon.

function fillSelect(select, names, present) {
  if (document.activeElement === select) return;
  select.replaceChildren(...names.map((name) => createElement("option", { value: name, textContent: name, selected: name === present })));
}

const milliseconds = (time) => (time < 10 ? time : Math.round(time));

function showStats(stats) {
  if (!stats) return;
  const latency = stats.frame_latency_ms;
  byId("latency").textContent = latency ? `${milliseconds(latency.p50)} / ${milliseconds(latency.p95)} ms` : "–";
  byId("dropped").textContent = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  const heat = stats.temperature === null ? "" : ` · ${Math.round(stats.temperature)} °C`;
  byId("cpu").textContent = `${percent(stats.cpu)}${heat}`;
  byId("memory").textContent = `${Math.round(stats.memory / 1e6)} MB`;
  byId("uptime").textContent = formatDuration(stats.uptime);
}

function showLog(lines) {
  const rows = lines.map(({ time, level, message }) => createElement("li", { className: level }, createElement("time", { dateTime: time, textContent: formatTime(time) }), createElement("span", { textContent: message })));
  byId("log").replaceChildren(...(rows.length ? rows.reverse() : [createElement("li", { className: "empty", textContent: t("log.none") })]));
}

function showState(update) {
  const before = state;
  state = { ...state, ...update };
  colors = state.colours;
  byId("device").textContent = document.title = state.device;
  byId("camera").textContent = word("camera", state.camera);
  byId("camera").className = `pill ${state.camera}`;
  byId("pause").textContent = t(state.camera === "paused" ? "resume" : "pause");
  byId("minutes").hidden = state.camera === "paused";
  fillSelect(byId("model"), state.models, state.model);
  for (const option of byId("model").options) {
    const kind = option.value.split("-")[0];
    const note = word("model.note", kind);
    if (note !== kind) option.textContent = `${option.value} (${note})`;
  }
  fillSelect(byId("detector"), state.detectors, state.detector);
  for (const legend of document.querySelectorAll(".legend")) legend.replaceChildren(...Object.keys(colors).map((label) => createElement("li", {}, swatch(colors[label]), word("emotion", label))));
  byId("blur").textContent = t(`blur.${state.blur}`);
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
    byId("camera").textContent = t("away");
    byId("camera").className = "pill offline";
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 3000);
  });
}

async function start() {
  if (await refresh()) {
    if (state.quit_button && !isGuided() && !location.hash) location.hash = "guide";
    listen();
    showView();
  } else if (byId("login").hidden) setTimeout(start, 3000);
}

// Controls.

byId("pause").addEventListener("click", () => {
  if (state.camera === "paused") return sendCommand({ command: "pause", paused: false }, t("resume.done"));
  const minutes = Number(byId("minutes").value);
  const limit = minutes ? { seconds: 60 * minutes } : {};
  return sendCommand({ command: "pause", paused: true, ...limit }, t("pause.done"));
});

for (const name of ["model", "detector"]) {
  byId(name).addEventListener("change", ({ target }) => {
    target.blur();
    sendCommand({ command: name, [name]: target.value }, t("model.used", { name: target.value }));
  });
}

// The link of `emotiond app` has a code after the `#`, which no server and no log sees, good for one login.
async function useLink() {
  const [, code] = location.hash.match(/^#login=([\w-]+)$/) ?? [];
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  await fetch("api/login", { method: "POST", body: JSON.stringify({ code }) });
}

onLogin(start);

byId("quit").addEventListener("click", async () => {
  const response = await request("api/quit", { method: "POST" });
  if (!response.ok) return showMessage(byId("answer"), await errorText(response), true);
  source?.close();
  document.body.replaceChildren(createElement("p", { className: "card gone", textContent: t("quit.done") }));
});

byId("logout").addEventListener("click", async () => {
  await fetch("api/logout", { method: "POST" });
  location.reload();
});

// Health: the checks of `emotiond doctor`, in its words.

byId("doctor").addEventListener("click", async ({ currentTarget }) => {
  currentTarget.disabled = true;
  showMessage(byId("doctor-answer"), t("doctor.running"));
  const told = await ask("api/doctor", byId("doctor-answer"), { method: "POST" });
  currentTarget.disabled = false;
  if (!told) return;
  const bad = told.checks.filter(({ level }) => level !== "ok");
  showMessage(byId("doctor-answer"), bad.length ? counted("doctor", bad.length) : t("doctor.well"));
  byId("checks").replaceChildren(...told.checks.map(({ level, subject, text, remedy }) => createElement("li", { className: level }, createElement("strong", { textContent: level }), createElement("span", { textContent: `${subject}: ${text}${remedy ? `; ${remedy}` : ""}` }))));
});

// The language: the browser's, unless another was chosen.

fillSelect(byId("language"), languages, language);
for (const option of byId("language").options) option.textContent = new Intl.DisplayNames(option.value, { type: "language" }).of(option.value);
byId("language").addEventListener("change", ({ target }) => {
  localStorage.setItem("language", target.value);
  location.reload();
});

onWebcam(() => colors);
window.addEventListener("hashchange", showView);
await useLink();
showView();
start();
