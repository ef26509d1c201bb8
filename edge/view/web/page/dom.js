// Elements and requests, for every part of the page.

export const byId = (id) => document.getElementById(id);

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
    return `the daemon answered ${response.status}`;
  }
}

export function showMessage(element, text, bad = false) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
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
