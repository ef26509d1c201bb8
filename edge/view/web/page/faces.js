// Faces as cards: the expression in large letters, and a bar for each class.

import { createElement, formatDuration, percent, shareBar, swatch, t, word } from "./dom.js";

export const areOpen = (count) => count <= 3; // whether the bars of so many faces are shown unasked
export const certainty = (face) => (face.confidence === null ? face.reasons.map((one) => word("reason", one)).join(", ") : percent(face.confidence));

export function faceCard(face, colors, open = true) {
  const labels = Object.keys(face.probabilities ?? {});
  const bars = labels.map((label) => Object.assign(shareBar(word("emotion", label), colors[label]), { label }));
  const card = createElement("details", { className: "face", open }, createElement("summary", {}, createElement("h3")), createElement("div", { className: "bars" }, ...bars));
  return updateCard(card, face, colors);
}

export function updateCard(card, face, colors, since = null) {
  const stay = since && card.isConnected ? ` · ${formatDuration((Date.now() - since) / 1000)}` : "";
  const affect = face.valence === undefined ? "" : ` · ${t("affect", { valence: face.valence.toFixed(2), arousal: face.arousal.toFixed(2) })}`;
  const detail = createElement("small", { textContent: `${certainty(face)} · #${face.track_id}${stay}${affect}` });
  card.querySelector("h3").replaceChildren(swatch(colors[face.emotion]), word("emotion", face.emotion), detail);
  for (const row of card.querySelectorAll(".bar")) {
    const share = face.probabilities?.[row.label] ?? 0;
    row.classList.toggle("first", row.label === face.emotion);
    row.querySelector("i").style.width = `${100 * share}%`;
    row.lastChild.textContent = percent(share);
  }
  return card;
}
