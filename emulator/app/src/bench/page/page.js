// The hands of the bench's page. What is seen is made by the server: when something may have changed, the page is read
// anew, and what is marked `data-live` takes its new content. Decides nothing about the device.
"use strict";

const LOG_MAX = 200;
/** Between two readings of the page, however much happens. */
const PAUSE_MS = 100;
const KEYS = new Map([
  ["ArrowUp", "Up"], ["ArrowDown", "Down"], ["ArrowLeft", "Left"], ["ArrowRight", "Right"],
  ["Enter", "Enter"], ["Escape", "Esc"], ["Backspace", "Backspace"],
  ...Array.from({ length: 12 }, (_, i) => [`F${i + 1}`, `F${i + 1}`]),
]);

const byId = id => document.getElementById(id);
const notice = byId("notice");
const log = byId("log");
const lines = byId("lines");

// An address with a ticket in it, opened where the session is there already.
if (location.hash !== "" && location.hash !== "#console") history.replaceState(null, "", "/");

// What is done

/** Requests go one after the other, in the order of the hands. */
let hands = Promise.resolve();

function act(method, path, body) {
  hands = hands.then(() => ask(method, path, body));
}

async function ask(method, path, body) {
  const request = { method };
  if (body !== undefined) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  try {
    const answer = await fetch(path, request);
    if (answer.ok) {
      notice.textContent = "";
    } else {
      const problem = await answer.json();
      notice.textContent = [problem.detail, problem.hint].filter(text => text).join(". ");
    }
  } catch {
    notice.textContent = "The bench does not answer. Does the emulator still run?";
  }
  changed();
}

/** What was typed and not sent yet; characters that come together go together. */
let typed = "";

function type(text) {
  const isSending = typed !== "";
  typed += text;
  if (isSending) return;
  hands = hands.then(() => {
    const text = typed;
    typed = "";
    const whole = Array.from(text);
    const parts = [];
    while (whole.length > 0) parts.push(whole.splice(0, 256).join(""));
    return parts.reduce((done, text) => done.then(() => ask("POST", "/v1/console/text", { text })), Promise.resolve());
  });
}

function press(key) {
  act("POST", "/v1/console/keys", { keys: [key] });
}

function insert(card) {
  act("PUT", "/v1/reader/card", { card });
}

function advance(by_ms) {
  act("POST", "/v1/clock/advance", { by_ms });
}

document.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  const { key, power, ms, drop } = button.dataset;
  if (key) press(key);
  else if (power) act("POST", "/v1/power", { action: power });
  else if (ms) advance(Number(ms));
  else if (drop) act("DELETE", `/v1/connections/${drop}`);
  else if (button.id === "take-out") act("DELETE", "/v1/reader/card");
  else if (button.id === "power-button") {
    const is = document.querySelector("[data-power-is]").dataset.powerIs;
    act("POST", "/v1/power", { action: is === "off" ? "on" : "off" });
  } else if (button.id === "no-faults") {
    byId("faults").reset();
    setFaults();
  } else if (button.dataset.insert !== undefined) insert(button.closest("[data-card]").dataset.card);
});

document.addEventListener("submit", event => {
  event.preventDefault();
  const form = event.target;
  if (form.id === "type") {
    type(byId("type-text").value);
    form.reset();
  } else if (form.id === "insert") {
    insert(byId("insert-path").value);
  } else if (form.id === "advance") {
    advance(Math.round(Number(byId("advance-secs").value) * 1000));
  } else if (form.id === "faults") {
    setFaults();
  }
});

function setFaults() {
  act("PUT", "/v1/faults", {
    write_delay_ms: Number(byId("write-delay").value),
    write_hangs: byId("write-hangs").checked,
    cut_at_write: Number(byId("cut-at").value),
    cut_moment: byId("cut-moment").value,
  });
}

byId("console").addEventListener("keydown", event => {
  if (event.altKey || event.metaKey || event.isComposing) return;
  if (event.ctrlKey) {
    if (event.key.toLowerCase() !== "i") return;
    press("Tab");
  } else if (KEYS.has(event.key)) {
    press(KEYS.get(event.key));
  } else if (Array.from(event.key).length === 1) {
    type(event.key);
  } else {
    return;
  }
  event.preventDefault();
});

// A card dragged into the slot

const CARD = "application/x-hsm-card";

document.addEventListener("dragstart", event => {
  const card = event.target.closest?.("[data-card]");
  if (!card) return;
  event.dataTransfer.setData(CARD, card.dataset.card);
  event.dataTransfer.effectAllowed = "move";
});

const slot = byId("slot");
const carries = (event, kind) => event.dataTransfer.types.includes(kind);

slot.addEventListener("dragover", event => {
  if (!carries(event, CARD) && !carries(event, "Files")) return;
  event.preventDefault();
  slot.classList.add("over");
});
slot.addEventListener("dragleave", () => slot.classList.remove("over"));
slot.addEventListener("drop", event => {
  event.preventDefault();
  slot.classList.remove("over");
  if (carries(event, CARD)) {
    insert(event.dataTransfer.getData(CARD));
  } else {
    // A page sees what a file holds and not where it is. A copy would be a second card with the same number.
    notice.textContent = "A file dropped here would be a copy, a second card. Drag one of the cards on the table, or name the image by its path.";
  }
});

// What is seen

let isReading = false;
let isStale = false;

function changed() {
  isStale = true;
  if (!isReading) read();
}

async function read() {
  isReading = true;
  while (isStale) {
    isStale = false;
    try {
      const answer = await fetch("/");
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The stream of events says so.
    }
    await new Promise(done => setTimeout(done, PAUSE_MS));
  }
  isReading = false;
}

function show(now) {
  if (!now.getElementById("lines")) {
    // The session is over: this page says how to come in.
    location.reload();
    return;
  }
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = now.getElementById(part.id);
    if (next && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
  }
  if (focused && document.activeElement === document.body) byId(focused)?.focus();
  follow(now.getElementById("lines"));
}

/** New lines are added, so that they alone are spoken. */
function follow(now) {
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const last = Number(lines.lastElementChild?.value ?? -1);
  for (const line of [...now.children]) {
    if (line.value > last) lines.append(line);
  }
  while (lines.children.length > LOG_MAX) lines.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

log.scrollTop = log.scrollHeight;
const stream = new EventSource(`/v1/events?from=${lines.dataset.next}&changes=true`);
stream.addEventListener("message", changed);
stream.addEventListener("changed", changed);
stream.addEventListener("open", () => {
  document.body.classList.remove("lost");
  changed();
});
stream.addEventListener("error", () => {
  document.body.classList.add("lost");
  notice.textContent = stream.readyState === EventSource.CLOSED
    ? "Nothing more is heard of the device. Read this page anew."
    : "The bench does not answer. Does the emulator still run?";
});

if (byId("clock").querySelector("[data-clock=real]")) setInterval(changed, 1000);
