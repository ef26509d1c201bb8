// The settings of the config file: a form made of what the daemon says of them.

import { byId, createElement, errorText, request, showMessage } from "./dom.js";

const TITLES = {
  source: "Camera",
  detector: "Finding faces",
  classifier: "Expressions",
  quality: "Readable faces",
  smoothing: "Steadiness",
  regions: "Zones and regions to ignore",
  schedule: "Times of the week",
  privacy: "Privacy",
  snapshots: "Images of events",
  retention: "How long events and images are kept",
  deployment: "Where and what for",
  sinks: "MQTT",
  summary: "Summaries",
  scheduler: "When to search",
  tracker: "Following faces",
};

// Keys of what may be written shorter than key by key.
const SHORT = {
  source: "A camera (0, /dev/video2), an address (rtsp://camera.local/live), a video or a folder of images",
  detector: "A kind, such as auto or builtin",
};

let fields = {}; // by key, as the daemon says them
const changes = new Map(); // by key; null brings the default back

const title = (name) => TITLES[name] ?? TITLES[name.split(".")[0]] ?? name.replaceAll("_", " ");
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll("`", "");
const words = (key) => sentence(key.split(".").at(-1).replace(/_s$/, " (seconds)").replace(/_px$/, " (pixels)").replace(/_bytes$/, " (bytes)").replaceAll("_", " "));

function plain(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function control(field) {
  const common = { id: `set-${field.key}`, name: field.key };
  if (field.kind === "switch") return createElement("input", { ...common, type: "checkbox", checked: field.value });
  if (field.kind === "choice") {
    const options = field.choices.map((one) => createElement("option", { value: one, textContent: one, selected: one === field.value }));
    return createElement("select", common, ...options);
  }
  if (field.kind === "secret") return createElement("input", { ...common, type: "password", autocomplete: "off", placeholder: field.value ? "set; type to replace it" : "not set" });
  const number = field.kind === "number" ? { type: "number", step: field.whole ? 1 : "any", min: field.min ?? "", max: field.max ?? "" } : { type: "text" };
  const input = createElement("input", { ...common, ...number, value: plain(field.value), placeholder: plain(field.default), spellcheck: false });
  if (field.key === "source") input.setAttribute("list", "cameras");
  return input;
}

function read(input, field) {
  if (field.kind === "switch") return input.checked;
  if (input.value === "") return null;
  if (field.kind === "choice") return field.choices.find((one) => String(one) === input.value);
  return field.kind === "number" ? Number(input.value) : input.value;
}

function row(field) {
  const input = control(field);
  const note = createElement("p", { className: "hint", id: `note-${field.key}`, textContent: sentence(field.meaning) });
  const label = createElement("label", { htmlFor: input.id, textContent: field.label ?? words(field.key) });
  label.title = field.key;
  if (field.meaning) input.setAttribute("aria-describedby", note.id);
  return createElement("div", { className: "setting" }, label, input, ...(field.meaning ? [note] : []));
}

function group(section) {
  const all = [...section.fields];
  if (SHORT[section.name]) all.unshift({ key: section.name, kind: "text", value: "", default: section.kind, label: "Use instead", meaning: SHORT[section.name] });
  for (const field of all) fields[field.key] = field;
  const note = section.kind ?? (section.name.startsWith("sinks") ? "not used; a host begins it" : "");
  const kind = createElement("small", { textContent: note });
  return createElement("details", {}, createElement("summary", {}, title(section.name), kind), ...all.map(row));
}

function countChanges() {
  byId("save").hidden = changes.size === 0;
  byId("changed").textContent = changes.size === 1 ? "One change" : `${changes.size} changes`;
}

export async function showSettings() {
  if (changes.size) return; // what is being typed stays
  const response = await request("api/settings");
  if (!response.ok) return showMessage(byId("settings-answer"), await errorText(response), true);
  const { path, sections, cameras } = await response.json();
  if (changes.size) return; // typed meanwhile
  const open = new Set([...document.querySelectorAll("#sections details[open]")].map((one) => one.dataset.name));
  const order = Object.keys(TITLES);
  sections.sort((one, other) => order.indexOf(one.name.split(".")[0]) - order.indexOf(other.name.split(".")[0]));
  fields = {};
  byId("path").textContent = path;
  byId("cameras").replaceChildren(...Object.entries(cameras).map(([value, label]) => createElement("option", { value, label })));
  byId("sections").replaceChildren(...sections.map(group));
  sections.forEach((section, index) => {
    const element = byId("sections").children[index];
    element.dataset.name = section.name;
    element.open = open.has(section.name);
  });
  countChanges();
  return fields;
}

// Write values by key into the config file; return whether they hold. `answer` is the element that tells.
export async function apply(values, answer, confirmed = false) {
  showMessage(answer, "Saving …");
  try {
    const response = await request("api/settings", { method: "PATCH", body: JSON.stringify({ changes: values, confirmed }) });
    if (response.status === 428) {
      showMessage(answer, "Nothing was changed.");
      const losses = await errorText(response);
      return window.confirm(`This weakens privacy: ${losses}.\n\nSave it all the same?`) && apply(values, answer, true);
    }
    showMessage(answer, response.ok ? "Saved and in use. The former file is kept beside it, with the ending .bak." : await errorText(response), !response.ok);
    return response.ok;
  } catch {
    showMessage(answer, "the daemon cannot be reached", true);
    return false;
  }
}

async function save() {
  const saved = new Map(changes);
  if (!(await apply(Object.fromEntries(saved), byId("settings-answer")))) return;
  for (const [key, value] of saved) {
    fields[key].value = value ?? fields[key].default;
    if (changes.get(key) === value) changes.delete(key);
  }
  countChanges();
  showSettings();
}

byId("sections").addEventListener("input", ({ target }) => {
  const field = fields[target.name];
  const value = read(target, field);
  if (plain(value) === plain(field.value)) changes.delete(field.key);
  else changes.set(field.key, value);
  target.closest(".setting").classList.toggle("changed", changes.has(field.key));
  countChanges();
});
byId("config").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
byId("discard").addEventListener("click", () => {
  changes.clear();
  showMessage(byId("settings-answer"), "");
  showSettings();
});
