// The settings of the config file: a form made of what the daemon says of them.

import { ask, byId, counted, createElement, errorText, request, showMessage, t, word } from "./dom.js";

const ORDER = ["source", "detector", "classifier", "quality", "smoothing", "regions", "schedule", "privacy", "retention", "snapshots", "deployment", "sinks", "summary", "scheduler", "tracker"];
const SHORT = ["source", "detector"]; // what may be written shorter than key by key

let fields = {}; // by key, as the daemon says them
const changes = new Map(); // by key; null brings the default back

const title = (name) => word("section", name.split(".")[0]);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll("`", "");

// The name of a field in words: that of its key, and its unit.
function words(key) {
  const [, name, unit] = key.split(".").at(-1).match(/^(.*?)(?:_(s|px|bytes))?$/);
  const text = sentence(name.replaceAll("_", " "));
  return unit ? t(`unit.${{ s: "seconds", px: "pixels", bytes: "bytes" }[unit]}`, { name: text }) : text;
}

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
  if (field.kind === "secret") return createElement("input", { ...common, type: "password", autocomplete: "off", placeholder: t(field.value ? "secret.set" : "secret.none") });
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
  if (SHORT.includes(section.name)) all.unshift({ key: section.name, kind: "text", value: "", default: section.kind, label: t("short"), meaning: t(`short.${section.name}`) });
  for (const field of all) fields[field.key] = field;
  const note = section.kind ?? (section.name.startsWith("sinks") ? t("sink.unused") : "");
  const kind = createElement("small", { textContent: note });
  return createElement("details", {}, createElement("summary", {}, title(section.name), kind), ...all.map(row));
}

function countChanges() {
  byId("save").hidden = changes.size === 0;
  byId("changed").textContent = counted("changes", changes.size);
}

export async function showSettings() {
  if (changes.size) return; // what is being typed stays
  const told = await ask("api/settings", byId("settings-answer"));
  const typing = document.activeElement?.closest("#sections .setting");
  if (!told || changes.size || typing) return; // or typed meanwhile, or about to be
  const { path, sections, cameras } = told;
  const open = new Set([...document.querySelectorAll("#sections details[open]")].map((one) => one.dataset.name));
  const place = ({ name }) => (ORDER.indexOf(name.split(".")[0]) + ORDER.length + 1) % (ORDER.length + 1); // unknown ones last
  sections.sort((one, other) => place(one) - place(other));
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
  showMessage(answer, t("config.saving"));
  try {
    const response = await request("api/settings", { method: "PATCH", body: JSON.stringify({ changes: values, confirmed }) });
    if (response.status === 428) {
      showMessage(answer, t("config.unchanged"));
      const losses = await errorText(response);
      return window.confirm(t("config.confirm", { losses })) && apply(values, answer, true);
    }
    showMessage(answer, response.ok ? t("config.saved") : await errorText(response), !response.ok);
    return response.ok;
  } catch {
    showMessage(answer, t("unreachable"), true);
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
  target.closest(".setting").firstChild.dataset.note = changes.has(field.key) ? t("changed") : "";
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
