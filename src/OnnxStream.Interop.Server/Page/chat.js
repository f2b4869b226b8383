// The pane for conversations: each answer is a job, whose text comes in pieces.

import * as server from "./server.js";
import { announce, element, fill, make, numberOf } from "./dom.js";

export class ChatPane {
  #models = [];
  #messages = [];
  #job = null;
  #isAnswering = false;

  constructor() {
    element("chat-form").addEventListener("submit", event => { event.preventDefault(); this.#send(); });
    element("chat-settings").addEventListener("submit", event => event.preventDefault());
    element("message").addEventListener("keydown", event => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      }
    });
    element("stop").addEventListener("click", () => this.#stop());
    element("chat-new").addEventListener("click", async () => {
      await this.#stop();
      this.#messages = [];
      element("messages").replaceChildren(make("p", { className: "hint", textContent: "Say something to the model." }));
      element("chat-error").textContent = "";
      element("message").focus();
    });
  }

  get isBusy() {
    return this.#isAnswering;
  }

  setModels(models) {
    this.#models = models;
    fill(element("chat-model"), models.map(model => model.id));
    element("chat-error").textContent = models.length === 0 ? "No model of this server holds conversations." : "";
  }

  async #send() {
    const text = element("message").value.trim();
    if (text === "" || this.#isAnswering || this.#models.length === 0) {
      return;
    }
    element("message").value = "";
    element("chat-error").textContent = "";
    if (this.#messages.length === 0) {
      element("messages").replaceChildren();
    }
    const messages = this.#messages;
    const question = { role: "user", content: text };
    const answer = { role: "assistant", content: "" };
    messages.push(question);
    const said = this.#add("You", text, "user");
    const place = this.#add(element("chat-model").value, "", "assistant");
    place.setAttribute("aria-busy", "true");
    this.#setAnswering(true);
    let isKept = false;
    try {
      this.#job = await server.post("/jobs", this.#request());
      for await (const event of server.events(this.#job.id)) {
        if (event.type === "queued") {
          place.dataset.state = server.queuePlace(event.position);
        } else if (event.type === "started") {
          place.dataset.state = "Thinking";
        } else if (event.type === "text") {
          answer.content += event.text;
          delete place.dataset.state;
          this.#write(place, answer.content);
        } else if (event.type === "failed") {
          throw new server.ServerError(event.error.message, event.error.code, event.error.param);
        } else if (event.type === "finished" || event.type === "cancelled") {
          isKept = answer.content !== "" || event.type === "finished";
          announce(event.type === "finished" ? "The answer is complete." : "Stopped.");
        }
      }
    } catch (error) {
      isKept = answer.content !== "";
      element("chat-error").textContent = error.code === "job_not_found" ? "The server was started again, and does not know this answer any more. Send the message again." : error.message;
    } finally {
      delete place.dataset.state;
      place.removeAttribute("aria-busy");
      this.#job = null;
      this.#setAnswering(false);
    }

    // What got no answer goes back to where it was written.
    if (this.#messages === messages) {
      if (isKept) {
        messages.push(answer);
      } else {
        messages.pop();
        said.parentElement.remove();
        place.parentElement.remove();
        element("message").value ||= text;
      }
    }
  }

  #request() {
    const instructions = element("instructions").value.trim();
    return {
      kind: "chat",
      model: element("chat-model").value,
      text: {
        messages: [...(instructions === "" ? [] : [{ role: "system", content: instructions }]), ...this.#messages],
        max_tokens: numberOf(element("max_tokens")),
        temperature: numberOf(element("temperature")),
      },
    };
  }

  async #stop() {
    if (this.#job) {
      try {
        await server.remove(`/jobs/${this.#job.id}`);
      } catch (error) {
        element("chat-error").textContent = error.message;
      }
    }
  }

  #add(who, text, kind) {
    const place = make("div", { className: "text", textContent: text });
    element("messages").append(make("article", { className: kind }, make("h3", { textContent: who }), place));
    this.#scroll(true);
    return place;
  }

  #write(place, text) {
    const list = element("messages");
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    place.textContent = text;
    this.#scroll(isAtEnd);
  }

  #scroll(isWanted) {
    if (isWanted) {
      element("messages").scrollTop = element("messages").scrollHeight;
    }
  }

  #setAnswering(value) {
    this.#isAnswering = value;
    const hadFocus = document.activeElement === element("stop");
    element("send").setAttribute("aria-disabled", value);
    element("stop").hidden = !value;
    if (hadFocus && !value) {
      element("message").focus();
    }
  }
}
