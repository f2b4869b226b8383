// Talks with the server: the key, the connection, errors in words, events of jobs.

const patience = 1000;
const storage = "onnxstream-key";
const lastEvents = new Set(["finished", "failed", "cancelled"]);

let key = sessionStorage.getItem(storage);
let asked = null;
let connected = true;
let askForKey = async () => { throw new ServerError("A key is needed.", "invalid_api_key", null); };

/** Tells of `connection` (detail: whether there is one). */
export const changes = new EventTarget();

/** An error that the server answered with. */
export class ServerError extends Error {
  constructor(message, code, param) {
    super(message);
    this.code = code;
    this.param = param;
  }
}

/** The server cannot be reached. */
export class LostConnection extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

/** Says how people are asked for a key: a function that is told whether one was refused, and promises the next. */
export function askForKeyWith(ask) {
  askForKey = ask;
}

export async function get(path) {
  return (await send(path)).json();
}

export async function getBlob(path) {
  return (await send(path)).blob();
}

export async function post(path, body) {
  return (await send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
}

export async function remove(path) {
  await send(path, { method: "DELETE" });
}

/** The events of a job to its last one. Where the connection is lost, it goes on behind the last event that came. */
export async function* events(id) {
  let last = null;
  while (true) {
    try {
      const response = await send(`/jobs/${id}/events`, { headers: last === null ? {} : { "Last-Event-ID": last } });
      for await (const event of read(response.body)) {
        last = event.id ?? last;
        yield event.data;
        if (lastEvents.has(event.data.type)) {
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof LostConnection)) {
        throw error;
      }
    }
    await new Promise(resolve => setTimeout(resolve, patience));
  }
}

async function send(path, options = {}) {
  while (true) {
    const used = key;
    const headers = new Headers(options.headers);
    if (used !== null) {
      headers.set("Authorization", `Bearer ${used}`);
    }
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      setConnected(false);
      throw new LostConnection();
    }
    setConnected(true);
    if (response.status === 401) {
      await renewKey(used);
      continue;
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }
}

// Many requests may find out at once that a key is needed: people are asked once.
async function renewKey(refused) {
  if (key !== refused) {
    return;
  }
  asked ??= askForKey(refused !== null).then(given => {
    key = given;
    sessionStorage.setItem(storage, given);
  }).finally(() => { asked = null; });
  await asked;
}

async function errorOf(response) {
  try {
    const { error } = await response.json();
    return new ServerError(error.message, error.code, error.param);
  } catch {
    return new ServerError(`The server answered ${response.status} ${response.statusText}.`, "unknown", null);
  }
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the server uses it.
async function* read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      let part;
      try {
        part = await reader.read();
      } catch {
        setConnected(false);
        throw new LostConnection();
      }
      if (part.done) {
        return;
      }
      rest += part.value;
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = block.split("\n");
        const data = lines.filter(line => line.startsWith("data:")).map(line => line.slice(5)).join("\n");
        if (data !== "") {
          yield { id: lines.find(line => line.startsWith("id:"))?.slice(3).trim(), data: JSON.parse(data) };
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function setConnected(value) {
  if (connected !== value) {
    connected = value;
    changes.dispatchEvent(new CustomEvent("connection", { detail: value }));
  }
}

// The place of a job that waits, in words; at 0 the machines of a fleet have it, and none has begun.
export function queuePlace(position) {
  if (position === 0) {
    return "Waiting for a machine";
  }

  return position === 1 ? "Next in the queue" : `In the queue, place ${position}`;
}
