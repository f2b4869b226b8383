// What memory is in use, as a picture: a bar of the budget with a part for each model.

import { make } from "./dom.js";

const space = "http://www.w3.org/2000/svg";
const width = 400;
const height = 14;

/** Draws the state of the server's memory. */
export function showMemory(place, { memory, models }) {
  const { budget_bytes: budget, limit_bytes: limit, taken_bytes: taken, resident_bytes: resident } = memory;
  const parts = models.map(model => ({ name: model.name, bytes: model.open_bytes + model.job_bytes, jobs: model.jobs }));
  const whole = Math.max(budget ?? 0, taken, budget ? 0 : resident, 1);
  const sentence = (budget ? `${size(taken)} of ${size(budget)} taken by models` : `${size(taken)} taken by models, without a limit`) +
    `; the process has ${size(resident)}` + (limit ? ` of ${size(limit)}` : "");

  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": sentence, class: "bar" });
  picture.append(draw("rect", { class: "room", width, height }));
  let left = 0;
  parts.forEach((part, index) => {
    const share = part.bytes / whole * width;
    if (share > 0) {
      picture.append(draw("rect", { class: `part shade-${index % 4}`, x: left, width: Math.max(share - 1, 1), height }));
      left += share;
    }
  });

  const list = make("ul", { className: "legend" }, ...parts.map((part, index) => {
    const jobs = part.jobs === 0 ? "" : part.jobs === 1 ? ", 1 job" : `, ${part.jobs} jobs`;
    return make("li", { className: part.bytes > 0 ? `in-use shade-${index % 4}` : "" }, make("span", { className: "name", textContent: part.name }), ` ${part.bytes > 0 ? size(part.bytes) : "not open"}${jobs}`);
  }));
  place.replaceChildren(picture, make("p", { textContent: `${sentence}.` }), list);
}

function draw(name, attributes) {
  const made = document.createElementNS(space, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  return made;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
