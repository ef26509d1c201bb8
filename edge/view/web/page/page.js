// The page: what the daemon sees, live, and what it can be asked for.

const MINUTES = 5;
const EVENTS = 100;
const LANE = 24;
const SVG = "http://www.w3.org/2000/svg";

const at = (id) => document.getElementById(id);
let state = null;
let colours = {};

function make(tag, fields = {}, ...children) {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
}

function swatch(emotion) {
  const mark = make("span", { className: "swatch" });
  mark.style.background = colours[emotion] ?? "#ffffff";
  return mark;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const clock = (time) => new Date(time).toLocaleTimeString();

// Asking.

async function ask(place, options = {}, again = true) {
  const answer = await fetch(place, options);
  if (answer.status === 401 && again && !at("login").hidden) return answer;
  if (answer.status === 401 && again) {
    await fetch("/"); // after a restart the page needs another cookie
    return ask(place, options, false);
  }
  return answer;
}

async function problem(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `the daemon answered ${answer.status}`;
  }
}

function tell(element, text, bad = false) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

async function order(command, done) {
  const body = JSON.stringify(command);
  try {
    const answer = await ask("/api/control", { method: "POST", body });
    tell(at("answer"), answer.ok ? done : await problem(answer), !answer.ok);
  } catch {
    tell(at("answer"), "the daemon cannot be reached", true);
  }
  fill();
}

// The live picture.

const picture = at("picture");
let tries = 0;

function watch() {
  if (!document.hidden && state) picture.src = `/stream.mjpg?${tries++}`;
}

picture.addEventListener("error", () => setTimeout(watch, 2000));
picture.addEventListener("load", veil);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) picture.removeAttribute("src"); // nothing is encoded for nobody
  else watch();
});

function veil() {
  const reasons = {
    paused: state?.paused_until ? `Paused until ${clock(state.paused_until)}` : "Paused",
    offline: "The camera is away",
  };
  const reason = reasons[state?.camera] ?? (picture.naturalWidth && state ? "" : "Waiting for the picture");
  at("veil").hidden = !reason;
  at("veil").textContent = reason;
}

// Faces.

function bars(face) {
  return Object.entries(face.probabilities ?? {})
    .sort((one, other) => other[1] - one[1])
    .map(([label, share], place) => {
      const full = make("i");
      full.style.width = percent(share).replace(" ", "");
      full.style.background = colours[label] ?? "#ffffff";
      const row = make("div", { className: place ? "bar" : "bar first" });
      row.append(make("span", { textContent: label }), make("div", {}, full), make("span", { textContent: percent(share) }));
      return row;
    });
}

function card(face) {
  const share = face.confidence === null ? face.reasons.join(", ").replaceAll("_", " ") : percent(face.confidence);
  const title = make("h3", {}, swatch(face.emotion), face.emotion, make("small", { textContent: `${share} · face ${face.track_id}` }));
  return make("article", { className: "face" }, title, ...bars(face));
}

function showFaces({ fps, faces }) {
  at("fps").textContent = fps.toFixed(1);
  const none = make("p", { className: "empty", textContent: "No face in view" });
  at("faces").replaceChildren(...(faces.length ? faces.map(card) : [none]));
}

// Timeline and events.

const known = new Set();
const spans = []; // {track, emotion, start, end}; end is null while it lasts

function close(track, time) {
  for (const span of spans) if (span.track === track && span.end === null) span.end = Math.max(span.start, time);
}

function take(event) {
  if (known.has(event.id)) return; // told again after a reconnection
  known.add(event.id);
  const time = Date.parse(event.time);
  close(event.track_id, time);
  if (event.type !== "end") spans.push({ track: event.track_id, emotion: event.emotion, start: time, end: null });
  list(event);
  draw();
}

function list(event) {
  const share = event.confidence === null ? event.reasons.join(", ").replaceAll("_", " ") : percent(event.confidence);
  const verb = { start: "came", change: "is now", end: "went" }[event.type];
  const text = event.type === "end" ? `face ${event.track_id} went after ${event.duration.toFixed(1)} s` : `face ${event.track_id} ${verb}: ${event.emotion}, ${share}`;
  const time = make("time", { dateTime: event.time, textContent: clock(event.time) });
  at("events").prepend(make("li", {}, swatch(event.emotion), time, make("span", { textContent: text })));
  while (at("events").children.length > EVENTS) at("events").lastChild.remove();
}

function shape(tag, fields, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(fields)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw() {
  const svg = at("timeline");
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
    const place = x(now - minute * 60000);
    const anchor = minute === 0 ? "end" : "middle";
    parts.push(shape("line", { x1: place, x2: place, y1: 0, y2: height - 18 }));
    if (minute < MINUTES) parts.push(shape("text", { x: place, y: height - 4, "text-anchor": anchor }, minute ? `−${minute} min` : "now"));
  }
  tracks.forEach((track, lane) => parts.push(shape("text", { x: 0, y: lane * LANE + 16 }, `face ${track}`)));
  for (const span of spans) {
    const end = span.end ?? now;
    const lane = tracks.indexOf(span.track);
    if (end <= from || lane < 0) continue;
    const bar = shape("rect", { x: x(span.start), y: lane * LANE + 3, width: Math.max(1, x(end) - x(span.start)), height: LANE - 6, fill: colours[span.emotion] ?? "#ffffff" });
    bar.append(shape("title", {}, `face ${span.track}: ${span.emotion}, ${((end - span.start) / 1000).toFixed(1)} s`));
    parts.push(bar);
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren(...parts);
}

setInterval(draw, 1000);

// How everything is set.

function choose(select, names, present) {
  if (document.activeElement === select) return;
  select.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name, selected: name === present })));
}

const DESCRIBED = { deep: "most accurate", shallow: "fast and small", tiny: "for the smallest boards" };

function span(seconds) {
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const names = ["d", "h", "min"];
  return parts.map((count, place) => (count ? `${count} ${names[place]}` : "")).filter(Boolean).slice(0, 2).join(" ") || "a moment";
}

function showStats(stats) {
  if (!stats) return;
  const latency = stats.frame_latency_ms;
  at("latency").textContent = latency ? `${latency.p50} / ${latency.p95} ms` : "–";
  at("dropped").textContent = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  const heat = stats.temperature === null ? "" : ` · ${Math.round(stats.temperature)} °C`;
  at("cpu").textContent = `${percent(stats.cpu)}${heat}`;
  at("uptime").textContent = span(stats.uptime);
}

const BLURRED = {
  none: "The picture on this page shows what the camera sees. It goes to whoever may open this page, and to nobody else.",
  faces: "Faces that are found are made unrecognisable in the picture on this page; one that is not found is not.",
  picture: "The picture of the camera is hidden: this page shows boxes alone.",
};

function showState(told) {
  const before = state;
  state = { ...state, ...told };
  colours = state.colours;
  at("camera").textContent = { online: "camera on", offline: "camera away", paused: "paused" }[state.camera] ?? state.camera;
  at("camera").className = `pill ${state.camera}`;
  at("pause").textContent = state.camera === "paused" ? "Start the camera" : "Pause the camera";
  choose(at("model"), state.models, state.model);
  for (const option of at("model").options) {
    const kind = DESCRIBED[option.value.split("-")[0]];
    if (kind) option.textContent = `${option.value} (${kind})`;
  }
  choose(at("detector"), state.detectors, state.detector);
  at("legend").replaceChildren(...Object.keys(colours).map((label) => make("li", {}, swatch(label), label)));
  at("blur").textContent = BLURRED[state.blur];
  at("version").textContent = state.version;
  showStats(state.stats);
  if (state.camera !== "online") showFaces({ fps: 0, faces: [] });
  if (!before || (before.camera !== "online" && state.camera === "online")) watch();
  veil();
}

async function fill() {
  try {
    const answer = await ask("/api/state", {}, false);
    const refused = answer.status === 401;
    at("login").hidden = !refused;
    document.querySelector("main").hidden = refused;
    if (answer.ok) {
      const told = await answer.json();
      showState(told);
      showFaces(told);
    }
    return answer.ok;
  } catch {
    return false;
  }
}

// Listening; a browser tries again by itself unless the daemon answered with an error.

let source = null;

function listen() {
  source?.close();
  source = new EventSource("/events");
  source.addEventListener("emotion", (message) => take(JSON.parse(message.data)));
  source.addEventListener("faces", (message) => showFaces(JSON.parse(message.data)));
  source.addEventListener("state", (message) => showState(JSON.parse(message.data)));
  source.addEventListener("open", watch);
  source.addEventListener("error", () => {
    at("camera").textContent = "daemon away";
    at("camera").className = "pill offline";
    if (source.readyState === EventSource.CLOSED) setTimeout(begin, 3000);
  });
}

async function begin() {
  if (await fill()) listen();
  else if (at("login").hidden) setTimeout(begin, 3000);
}

// What can be asked for.

at("pause").addEventListener("click", () => {
  if (state.camera === "paused") return order({ command: "pause", paused: false }, "The camera is started.");
  const minutes = Number(at("minutes").value);
  const limit = minutes ? { seconds: 60 * minutes } : {};
  return order({ command: "pause", paused: true, ...limit }, "The camera is off.");
});

for (const name of ["model", "detector"]) {
  at(name).addEventListener("change", ({ target }) => {
    target.blur();
    order({ command: name, [name]: target.value }, `${target.value} is used from now on.`);
  });
}

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ token: at("token").value });
  const answer = await fetch("/api/login", { method: "POST", body });
  tell(at("login-answer"), answer.ok ? "" : await problem(answer), !answer.ok);
  if (answer.ok) begin();
});

// A picture of one's own.

async function analyse(file) {
  tell(at("verdict"), "Looking at it …");
  at("annotated").hidden = true;
  at("found").replaceChildren();
  try {
    const answer = await ask("/api/analyse", { method: "POST", body: file });
    if (!answer.ok) return tell(at("verdict"), await problem(answer), true);
    const { faces } = await answer.json();
    tell(at("verdict"), { 0: "No face was found.", 1: "One face:" }[faces.length] ?? `${faces.length} faces:`);
    at("found").replaceChildren(...faces.map(card));
    const drawn = await ask("/api/analyse", { method: "POST", body: file, headers: { Accept: "image/jpeg" } });
    if (drawn.ok) show(await drawn.blob());
  } catch {
    tell(at("verdict"), "the daemon cannot be reached, or did not take all of the file", true);
  }
}

function show(blob) {
  URL.revokeObjectURL(at("annotated").src);
  at("annotated").src = URL.createObjectURL(blob);
  at("annotated").hidden = false;
}

at("file").addEventListener("change", ({ target }) => target.files[0] && analyse(target.files[0]));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) analyse(event.dataTransfer.files[0]);
  });
}

begin();
