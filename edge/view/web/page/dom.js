// Elements, words and requests, for every part of the page.

export const byId = (id) => document.getElementById(id);

// Words: one file of strings for each language, of which the browser's or the chosen one is taken.

export const languages = document.documentElement.dataset.languages.split(" ");
const wanted = [localStorage.getItem("language"), ...navigator.languages.map((one) => one.split("-")[0]), "en"];
export const language = wanted.find((one) => languages.includes(one));
const strings = await (await fetch(`strings/${language}.json`)).json();

export const t = (key, values = {}) => (strings[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const counted = (key, n) => t(`${key}.${n === 1 ? "one" : "many"}`, { n });
// A word of the daemon, such as an emotion; one that no language has stays as it is.
export const word = (kind, name) => strings[`${kind}.${name}`] ?? name.replaceAll("_", " ");

document.documentElement.lang = language;
for (const element of document.querySelectorAll("*")) {
  for (const { name, value } of [...element.attributes]) {
    if (name === "data-t") element.textContent = t(value);
    else if (name.startsWith("data-t-")) element.setAttribute(name.slice("data-t-".length), t(value));
  }
}

export const percent = (share) => `${Math.round(100 * share)} %`;
export const formatTime = (time) => new Date(time).toLocaleTimeString(language, { hourCycle: "h23" });

export function formatDuration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} ${t("unit.s")}`;
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const names = ["unit.d", "unit.h", "unit.min"];
  return parts.map((count, index) => (count ? `${count} ${t(names[index])}` : "")).filter(Boolean).slice(0, 2).join(" ");
}

export function createElement(tag, fields = {}, ...children) {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
}

export async function request(path, options = {}, again = true) {
  const response = await fetch(path, options);
  if (response.status === 401 && again && !byId("login").hidden) return response;
  if (response.status === 401 && again) {
    await fetch("./"); // after a restart the page needs another cookie
    return request(path, options, false);
  }
  return response;
}

export async function errorText(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return t("answered", { status: response.status });
  }
}

export function showMessage(element, text, bad = false) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

// Ask for JSON; null where it is refused, and `answer` then says why.
export async function ask(path, answer, options = {}) {
  try {
    const response = await request(path, options);
    if (response.ok) return await response.json();
    showMessage(answer, await errorText(response), true);
  } catch {
    showMessage(answer, t("unreachable"), true);
  }
  return null;
}

// Show the form of the token in place of the page where that was refused.
export function showLogin(refused) {
  byId("login").hidden = !refused;
  document.querySelector("main").hidden = refused;
}

// Call `then` once the form's token was taken.
export function onLogin(then) {
  byId("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ token: byId("token").value });
    const response = await fetch("api/login", { method: "POST", body });
    showMessage(byId("login-answer"), response.ok ? "" : await errorText(response), !response.ok);
    if (response.ok) then();
  });
}

export function createShape(tag, fields, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(fields)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function swatch(color) {
  const mark = createElement("span", { className: "swatch" });
  mark.style.background = color ?? "#ffffff";
  return mark;
}

// A name, a bar as long as a share, and a text.
export function shareBar(name, color, share = 0, text = percent(share)) {
  const full = createElement("i");
  full.style.background = color ?? "#ffffff";
  full.style.width = `${100 * share}%`;
  return createElement("div", { className: "bar" }, createElement("span", { textContent: name }), createElement("div", {}, full), createElement("span", { textContent: text }));
}

// Press one of the buttons of a group.
export function choose(group, pressed) {
  for (const button of group.children) button.setAttribute("aria-pressed", button === pressed);
}
