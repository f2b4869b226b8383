// Puts the panes together: which one is seen, the models, the state of the server, the connection.

import * as server from "./server.js";
import { DrawPane } from "./draw.js";
import { ChatPane } from "./chat.js";
import { showMemory } from "./memory.js";
import { announce, element } from "./dom.js";

const often = 1000;
const seldom = 4000;
const panes = ["draw", "chat"];
const draw = new DrawPane();
const chat = new ChatPane();
let hasModels = false;
let wake = () => {};

server.askForKeyWith(refused => new Promise(resolve => {
  const dialog = element("key-dialog");
  const field = element("key");
  field.value = "";
  element("key-message").textContent = refused ? "This key is none of the server's." : "It is kept until this tab is closed.";
  element("key-form").onsubmit = event => {
    event.preventDefault();
    if (field.value.trim() !== "") {
      dialog.close();
      resolve(field.value.trim());
    }
  };
  dialog.oncancel = event => event.preventDefault();
  if (!dialog.open) {
    dialog.showModal();
  }
  field.focus();
}));

server.changes.addEventListener("connection", ({ detail: isThere }) => {
  element("connection").textContent = isThere ? "" : "The connection to the server is lost. The page goes on by itself when it is back.";
  if (isThere) {
    announce("The server is back.");
    hasModels = false;
  }
});

function showPane() {
  const wanted = location.hash.slice(1);
  const pane = panes.includes(wanted) ? wanted : panes[0];
  for (const name of panes) {
    element(name).hidden = name !== pane;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === pane) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  scrollTo(0, 0);
}

async function loadModels() {
  const { data } = await server.get("/v1/models");
  // The lists belong to another interface of the server; names that the model suggests do without them.
  const [samplers, schedules] = await Promise.all(["samplers", "schedulers"].map(name => server.get(`/sdapi/v1/${name}`).catch(error => {
    if (error instanceof server.LostConnection) {
      throw error;
    }
    return [];
  })));
  draw.setModels(data.filter(model => model.kinds.includes("image")), samplers.map(sampler => sampler.name), schedules.map(schedule => schedule.label));
  chat.setModels(data.filter(model => model.kinds.includes("chat")));
  hasModels = true;
  await draw.takeUp();
}

function showQueue({ waiting, running, is_closed: isClosed }) {
  element("queue").textContent = isClosed ? "The server is stopping." : `${running} running, ${waiting} waiting`;
}

async function watch() {
  while (true) {
    let isBusy = false;
    if (!document.hidden) {
      try {
        if (!hasModels) {
          await loadModels();
        }
        const status = await server.get("/status");
        showMemory(element("memory"), status);
        showQueue(status.queue);
        isBusy = status.queue.running > 0;
      } catch (error) {
        if (!(error instanceof server.LostConnection)) {
          element("queue").textContent = error.message;
        }
        isBusy = true;
      }
    }
    await new Promise(resolve => {
      wake = resolve;
      if (!document.hidden) {
        setTimeout(resolve, isBusy || draw.isBusy || chat.isBusy ? often : seldom);
      }
    });
  }
}

addEventListener("hashchange", showPane);
document.addEventListener("visibilitychange", () => wake());
showPane();
watch();
