// The web page: live video, faces, timeline and controls of the daemon.

const MINUTES = 5;
const EVENTS = 100;
const LANE = 24;
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);
let state = null;
let colors = {};

function createElement(tag, fields = {}, ...children) {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
}

function swatch(emotion) {
  const mark = createElement("span", { className: "swatch" });
  mark.style.background = colors[emotion] ?? "#ffffff";
  return mark;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const formatTime = (time) => new Date(time).toLocaleTimeString();

// Requests.

async function request(path, options = {}, again = true) {
  const response = await fetch(path, options);
  if (response.status === 401 && again && !byId("login").hidden) return response;
  if (response.status === 401 && again) {
    await fetch("/"); // after a restart the page needs another cookie
    return request(path, options, false);
  }
  return response;
}

async function errorText(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the daemon answered ${response.status}`;
  }
}

function showMessage(element, text, bad = false) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

async function sendCommand(command, done) {
  const body = JSON.stringify(command);
  try {
    const response = await request("/api/control", { method: "POST", body });
    showMessage(byId("answer"), response.ok ? done : await errorText(response), !response.ok);
  } catch {
    showMessage(byId("answer"), "the daemon cannot be reached", true);
  }
  refresh();
}

// Live video.

const picture = byId("picture");
let tries = 0;

function startVideo() {
  if (!document.hidden && state) picture.src = `/stream.mjpg?${tries++}`;
}

picture.addEventListener("error", () => setTimeout(startVideo, 2000));
picture.addEventListener("load", updateOverlay);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) picture.removeAttribute("src"); // nothing is encoded for nobody
  else startVideo();
});

function updateOverlay() {
  const reasons = {
    paused: state?.paused_until ? `Paused until ${formatTime(state.paused_until)}` : "Paused",
    offline: "The camera is away",
    frozen: "The camera gives the same picture again and again",
    dark: "The camera sees nothing but darkness",
  };
  const reason = reasons[state?.camera] ?? (picture.naturalWidth && state ? "" : "Waiting for the picture");
  byId("overlay").hidden = !reason;
  byId("overlay").textContent = reason;
}

// Faces.

function probabilityBars(face) {
  return Object.entries(face.probabilities ?? {})
    .sort((one, other) => other[1] - one[1])
    .map(([label, share], index) => {
      const full = createElement("i");
      full.style.width = percent(share).replace(" ", "");
      full.style.background = colors[label] ?? "#ffffff";
      const row = createElement("div", { className: index ? "bar" : "bar first" });
      row.append(createElement("span", { textContent: label }), createElement("div", {}, full), createElement("span", { textContent: percent(share) }));
      return row;
    });
}

function faceCard(face) {
  const share = face.confidence === null ? face.reasons.join(", ").replaceAll("_", " ") : percent(face.confidence);
  const title = createElement("h3", {}, swatch(face.emotion), face.emotion, createElement("small", { textContent: `${share} · face ${face.track_id}` }));
  return createElement("article", { className: "face" }, title, ...probabilityBars(face));
}

function showFaces({ fps, faces }) {
  byId("fps").textContent = fps.toFixed(1);
  const none = createElement("p", { className: "empty", textContent: "No face in view" });
  byId("faces").replaceChildren(...(faces.length ? faces.map(faceCard) : [none]));
}

// Timeline and events.

const seenEvents = new Set();
const spans = []; // {track, emotion, start, end}; end is null while it lasts

function closeSpan(track, time) {
  for (const span of spans) if (span.track === track && span.end === null) span.end = Math.max(span.start, time);
}

function addEvent(event) {
  if (seenEvents.has(event.id)) return; // sent again after a reconnection
  seenEvents.add(event.id);
  const time = Date.parse(event.time);
  closeSpan(event.track_id, time);
  if (event.type !== "end") spans.push({ track: event.track_id, emotion: event.emotion, start: time, end: null });
  listEvent(event);
  drawTimeline();
}

function listEvent(event) {
  const share = event.confidence === null ? event.reasons.join(", ").replaceAll("_", " ") : percent(event.confidence);
  const verb = { start: "came", change: "is now", end: "went" }[event.type];
  const text = event.type === "end" ? `face ${event.track_id} went after ${event.duration.toFixed(1)} s` : `face ${event.track_id} ${verb}: ${event.emotion}, ${share}`;
  const time = createElement("time", { dateTime: event.time, textContent: formatTime(event.time) });
  byId("events").prepend(createElement("li", {}, swatch(event.emotion), time, createElement("span", { textContent: text })));
  while (byId("events").children.length > EVENTS) byId("events").lastChild.remove();
}

function createShape(tag, fields, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(fields)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function drawTimeline() {
  const svg = byId("timeline");
  const now = Date.now();
  const from = now - MINUTES * 60000;
  while (spans.length && spans[0].end !== null && spans[0].end < from) spans.shift();
  const tracks = [...new Set(spans.filter((span) => (span.end ?? now) > from).map((span) => span.track))].sort((one, other) => one - other);
  const width = svg.clientWidth || 600;
  const left = 52;
  const height = Math.max(1, tracks.length) * LANE + 22;
  const x = (time) => left + ((Math.max(from, time) - from) / (now - from)) * (width - left);
  const parts = [];
  for (let minute = 0; minute <= MINUTES; minute++) {
    const tick = x(now - minute * 60000);
    const anchor = minute === 0 ? "end" : "middle";
    parts.push(createShape("line", { x1: tick, x2: tick, y1: 0, y2: height - 18 }));
    if (minute < MINUTES) parts.push(createShape("text", { x: tick, y: height - 4, "text-anchor": anchor }, minute ? `−${minute} min` : "now"));
  }
  tracks.forEach((track, lane) => parts.push(createShape("text", { x: 0, y: lane * LANE + 16 }, `face ${track}`)));
  for (const span of spans) {
    const end = span.end ?? now;
    const lane = tracks.indexOf(span.track);
    if (end <= from || lane < 0) continue;
    const bar = createShape("rect", { x: x(span.start), y: lane * LANE + 3, width: Math.max(1, x(end) - x(span.start)), height: LANE - 6, fill: colors[span.emotion] ?? "#ffffff" });
    bar.append(createShape("title", {}, `face ${span.track}: ${span.emotion}, ${((end - span.start) / 1000).toFixed(1)} s`));
    parts.push(bar);
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren(...parts);
}

setInterval(drawTimeline, 1000);

// State of the daemon.

function fillSelect(select, names, present) {
  if (document.activeElement === select) return;
  select.replaceChildren(...names.map((name) => createElement("option", { value: name, textContent: name, selected: name === present })));
}

const MODEL_NOTES = { deep: "most accurate", shallow: "fast and small", tiny: "for the smallest boards" };

function formatDuration(seconds) {
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const names = ["d", "h", "min"];
  return parts.map((count, index) => (count ? `${count} ${names[index]}` : "")).filter(Boolean).slice(0, 2).join(" ") || "a moment";
}

function showStats(stats) {
  if (!stats) return;
  const latency = stats.frame_latency_ms;
  byId("latency").textContent = latency ? `${latency.p50} / ${latency.p95} ms` : "–";
  byId("dropped").textContent = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  const heat = stats.temperature === null ? "" : ` · ${Math.round(stats.temperature)} °C`;
  byId("cpu").textContent = `${percent(stats.cpu)}${heat}`;
  byId("uptime").textContent = formatDuration(stats.uptime);
}

const BLUR_NOTES = {
  none: "The picture on this page shows what the camera sees. It goes to whoever may open this page, and to nobody else.",
  faces: "Faces that are found are made unrecognisable in the picture on this page; one that is not found is not.",
  picture: "The picture of the camera is hidden: this page shows boxes alone.",
};

const AWAY = ["offline", "paused"];

function showState(update) {
  const before = state;
  state = { ...state, ...update };
  colors = state.colours;
  byId("camera").textContent = { online: "camera on", offline: "camera away", paused: "paused" }[state.camera] ?? `camera ${state.camera}`;
  byId("camera").className = `pill ${state.camera}`;
  byId("pause").textContent = state.camera === "paused" ? "Start the camera" : "Pause the camera";
  fillSelect(byId("model"), state.models, state.model);
  for (const option of byId("model").options) {
    const kind = MODEL_NOTES[option.value.split("-")[0]];
    if (kind) option.textContent = `${option.value} (${kind})`;
  }
  fillSelect(byId("detector"), state.detectors, state.detector);
  byId("legend").replaceChildren(...Object.keys(colors).map((label) => createElement("li", {}, swatch(label), label)));
  byId("blur").textContent = BLUR_NOTES[state.blur];
  byId("version").textContent = state.version;
  showStats(state.stats);
  if (AWAY.includes(state.camera)) showFaces({ fps: 0, faces: [] });
  if (!before || (AWAY.includes(before.camera) && !AWAY.includes(state.camera))) startVideo();
  updateOverlay();
}

async function refresh() {
  try {
    const response = await request("/api/state", {}, false);
    const refused = response.status === 401;
    byId("login").hidden = !refused;
    document.querySelector("main").hidden = refused;
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
  source = new EventSource("/events");
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
  if (await refresh()) listen();
  else if (byId("login").hidden) setTimeout(start, 3000);
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

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ token: byId("token").value });
  const response = await fetch("/api/login", { method: "POST", body });
  showMessage(byId("login-answer"), response.ok ? "" : await errorText(response), !response.ok);
  if (response.ok) start();
});

// Upload of an image.

async function analyze(file) {
  showMessage(byId("verdict"), "Looking at it …");
  byId("annotated").hidden = true;
  byId("found").replaceChildren();
  try {
    const response = await request("/api/analyse", { method: "POST", body: file });
    if (!response.ok) return showMessage(byId("verdict"), await errorText(response), true);
    const { faces } = await response.json();
    showMessage(byId("verdict"), { 0: "No face was found.", 1: "One face:" }[faces.length] ?? `${faces.length} faces:`);
    byId("found").replaceChildren(...faces.map(faceCard));
    const annotated = await request("/api/analyse", { method: "POST", body: file, headers: { Accept: "image/jpeg" } });
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

start();
