// The browser's own webcam, for a try: each image goes to the daemon, is analyzed and forgotten.

import { byId, createShape, errorText, percent, request, showMessage, t, word } from "./dom.js";
import { faceCard } from "./faces.js";

const INTERVAL = 200; // milliseconds between two images at the least
const answer = byId("webcam-answer");
const video = byId("webcam");
const canvas = document.createElement("canvas");
let stream = null;

function mark(face, color) {
  const [left, top, right, bottom] = face.box;
  const text = `${word("emotion", face.emotion)} ${face.confidence === null ? "" : percent(face.confidence)}`;
  const label = createShape("text", { x: left, y: top - 6, fill: color, "font-size": canvas.height / 20 }, text);
  return [createShape("rect", { x: left, y: top, width: right - left, height: bottom - top, stroke: color }), label];
}

async function look(colors) {
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const image = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  const response = await request("api/analyse", { method: "POST", body: image });
  if (!response.ok) return showMessage(answer, await errorText(response), true);
  const { faces } = await response.json();
  if (!stream) return;
  showMessage(answer, "");
  byId("webcam-faces").setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
  byId("webcam-faces").replaceChildren(...faces.flatMap((face) => mark(face, colors[face.emotion] ?? "#ffffff")));
  byId("webcam-found").replaceChildren(...faces.map((face) => faceCard(face, colors)));
}

async function start(colors) {
  if (!navigator.mediaDevices) return showMessage(answer, t("webcam.insecure"), true);
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    return showMessage(answer, t("webcam.refused", { reason: error.message }), true);
  }
  show(true);
  video.srcObject = stream;
  await video.play();
  while (stream) {
    const began = Date.now();
    try {
      if (!document.hidden && !video.closest(".view").hidden) await look(colors);
    } catch {
      showMessage(answer, t("unreachable"), true);
    }
    await new Promise((done) => setTimeout(done, Math.max(0, INTERVAL - (Date.now() - began))));
  }
}

function show(running) {
  video.hidden = !running;
  byId("webcam-start").setAttribute("aria-pressed", running);
  byId("webcam-start").textContent = t(running ? "webcam.stop" : "webcam.start");
}

// End it: the browser's light goes out, and nothing is left on the page.
export function stopWebcam() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = video.srcObject = null;
  show(false);
  for (const name of ["webcam-faces", "webcam-found"]) byId(name).replaceChildren();
}

export function onWebcam(presentColors) {
  byId("webcam-start").addEventListener("click", () => (stream ? stopWebcam() : start(presentColors())));
}
