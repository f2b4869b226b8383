// Small things that all panes need.

export function element(id) {
  return document.getElementById(id);
}

/** Says something to those who listen to the page. */
export function announce(text) {
  element("announcement").textContent = text;
}

/** Makes an element with properties and children. */
export function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Fills a list of choices and keeps what was chosen. */
export function fill(select, names, first = null) {
  const chosen = select.value;
  select.replaceChildren(...(first === null ? [] : [make("option", { value: "", textContent: first })]), ...names.map(name => make("option", { value: name, textContent: name })));
  if (names.includes(chosen)) {
    select.value = chosen;
  }
}

/** The number in a field; undefined where it is empty. */
export function numberOf(field) {
  return field.value.trim() === "" ? undefined : field.valueAsNumber;
}
