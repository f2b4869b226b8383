// The pane that draws: settings, progress, the picture, the gallery.

import * as server from "./server.js";
import { announce, element, fill, make, numberOf } from "./dom.js";
import { MaskBrush } from "./mask.js";

const mostPictures = 200;
const smallPicture = 256;
const stages = { text_encoding: "Reading the prompt", image_encoding: "Reading the picture", denoising: "Drawing", decoding: "Finishing" };

export class DrawPane {
  #models = [];
  #job = null;
  #isDrawing = false;
  #isTakenUp = false;
  #shown = null;
  #gallery = [];
  #brush = new MaskBrush(element("mask"), element("brush"));

  constructor() {
    const form = element("draw-form");
    form.addEventListener("submit", event => { event.preventDefault(); this.#draw(); });
    form.addEventListener("input", event => event.target.removeAttribute("aria-invalid"));
    form.addEventListener("keydown", event => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#draw();
      }
    });
    element("draw-model").addEventListener("change", () => this.#suggest());
    element("draw-cancel").addEventListener("click", () => this.#cancel());
    element("strength").addEventListener("input", () => this.#showStrength());
    element("file").addEventListener("change", event => this.#beginWith(event.target.files[0]));
    element("clear-mask").addEventListener("click", () => this.#brush.clear());
    element("remove-picture").addEventListener("click", () => {
      this.#brush.remove();
      element("file").value = "";
      element("start-picture").hidden = true;
      element("drop").hidden = false;
      element("file").focus();
    });
    element("reuse").addEventListener("click", () => this.#reuse());
    element("begin").addEventListener("click", async () => {
      element("start").open = true;
      await this.#beginWith(this.#shown.blob);
      element("mask").focus();
    });
    this.#takeDrops(element("drop"));
    this.#takeDrops(element("start-picture"));
  }

  get isBusy() {
    return this.#isDrawing;
  }

  setModels(models, samplers, schedules) {
    this.#models = models;
    const before = element("draw-model").value;
    fill(element("draw-model"), models.map(model => model.id));
    fill(element("sampler"), samplers, "Suggested");
    fill(element("schedule"), schedules, "Suggested");
    this.#showError(models.length === 0 ? "No model of this server draws pictures." : "");
    if (element("draw-model").value !== before) {
      this.#suggest();
    }
  }

  /** Shows what was made before the page was loaded, and goes on with what is being made. */
  async takeUp() {
    if (this.#isTakenUp) {
      return;
    }
    const jobs = (await server.get("/jobs")).jobs.filter(job => job.kind === "image");
    this.#isTakenUp = true;
    for (const job of jobs.filter(job => job.state === "finished").reverse()) {
      await this.#take(job.id, job.result, null);
    }
    const running = jobs.find(job => job.state === "queued" || job.state === "running");
    if (running && !this.#isDrawing) {
      this.#follow(Promise.resolve(running), null);
    }
  }

  get #model() {
    return this.#models.find(model => model.id === element("draw-model").value);
  }

  #suggest() {
    const facts = this.#model?.facts;
    if (!facts) {
      return;
    }
    for (const [id, value] of [["width", facts.width], ["height", facts.height], ["steps", facts.steps], ["guidance_scale", facts.guidance_scale]]) {
      element(id).value = value ?? "";
    }
    for (const id of ["width", "height"]) {
      element(id).step = facts.size_step ?? 1;
      element(id).min = facts.size_step ?? 1;
    }
    element("sampler").options[0].textContent = facts.sampler ? `Suggested (${facts.sampler})` : "Suggested";
    element("start-none").hidden = facts.takes_images;
    element("start-body").hidden = !facts.takes_images;
    element("begin").hidden = !facts.takes_images;
  }

  #read() {
    const steps = numberOf(element("steps"));
    const schedule = element("schedule").value;
    const image = {
      prompt: element("prompt").value,
      negative_prompt: element("negative_prompt").value || undefined,
      count: numberOf(element("count")),
      width: numberOf(element("width")),
      height: numberOf(element("height")),
      steps,
      guidance_scale: numberOf(element("guidance_scale")),
      // A schedule needs its sampler.
      sampler: element("sampler").value || (schedule && this.#model.facts.sampler) || undefined,
      schedule: schedule || undefined,
      seed: numberOf(element("seed")),
      preview_interval: element("preview").checked ? Math.max(1, Math.round((steps ?? this.#model.facts.steps ?? 20) / 20)) : undefined,
    };
    if (this.#model.facts.takes_images && this.#brush.hasPicture) {
      image.image = this.#brush.pictureFile;
      image.mask = this.#brush.maskFile ?? undefined;
      image.strength = element("strength").valueAsNumber;
    }
    return { kind: "image", model: this.#model.id, image };
  }

  #draw() {
    if (this.#isDrawing || !this.#model) {
      return;
    }
    const request = this.#read();
    element("stage-title").scrollIntoView({ block: "nearest" });
    this.#follow(server.post("/jobs", request), { model: request.model, ...request.image, image: undefined, mask: undefined });
  }

  async #follow(submitted, settings) {
    this.#setDrawing(true);
    this.#showError("");
    this.#progress("Asking the server", null);
    try {
      this.#job = await submitted;
      for await (const event of server.events(this.#job.id)) {
        await this.#happened(event, settings);
      }
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#job = null;
      this.#setDrawing(false);
    }
  }

  async #happened(event, settings) {
    switch (event.type) {
      case "queued":
        this.#progress(server.queuePlace(event.position), null);
        announce(`${server.queuePlace(event.position)}.`);
        break;
      case "started":
        this.#progress("Beginning", null);
        announce("The server begins to draw.");
        break;
      case "progress":
        this.#progress(`${stages[event.stage] ?? event.stage}: step ${event.step} of ${event.steps}`, event.steps > 0 ? event.step / event.steps : null);
        if (event.preview) {
          this.#showPreview(event.preview);
        }
        break;
      case "finished":
        await this.#take(this.#job.id, event.result, settings);
        announce(`The picture is done, in ${event.result.seconds.toFixed(1)} seconds.`);
        break;
      case "failed":
        this.#showError(event.error.message);
        this.#show(this.#shown);
        break;
      case "cancelled":
        this.#show(this.#shown);
        announce("Cancelled.");
        break;
    }
  }

  #refused(error) {
    if (error instanceof server.ServerError && error.code === "job_not_found") {
      this.#showError("The server was started again, and does not know this picture any more. Draw it again.");
    } else {
      this.#showError(error.message);
    }
    this.#show(this.#shown);
    const field = error.param && document.querySelector(`#draw-form [name="${CSS.escape(error.param)}"]`);
    if (field) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  }

  async #cancel() {
    if (this.#job) {
      try {
        await server.remove(`/jobs/${this.#job.id}`);
      } catch (error) {
        this.#showError(error.message);
      }
    }
  }

  // Gets the pictures of a job that is finished.
  async #take(id, result, settings) {
    for (const [index, part] of result.parts.entries()) {
      const blob = await server.getBlob(`/jobs/${id}/result/${index}`);
      const picture = { blob, address: URL.createObjectURL(blob), part, settings };
      this.#gallery.unshift(picture);
      const name = part.parameters?.split("\n")[0] || "without a prompt";
      const button = make("button", { type: "button", ariaLabel: `Show: ${name}, seed ${part.seed}` }, make("img", { src: picture.address, alt: "", loading: "lazy", className: part.width < smallPicture ? "coarse" : "" }));
      button.addEventListener("click", () => {
        this.#show(picture);
        element("stage-title").scrollIntoView({ block: "nearest" });
      });
      picture.button = button;
      element("gallery").prepend(make("li", {}, button));
      if (index === 0) {
        this.#show(picture);
      }
    }
    while (this.#gallery.length > mostPictures) {
      const old = this.#gallery.pop();
      old.button.parentElement.remove();
      URL.revokeObjectURL(old.address);
    }
    element("gallery-none").hidden = this.#gallery.length > 0;
  }

  #show(picture) {
    this.#shown = picture;
    for (const { button } of this.#gallery) {
      button.removeAttribute("aria-current");
    }
    element("nothing").hidden = picture !== null;
    element("shown").hidden = picture === null;
    element("caption").hidden = picture === null;
    if (picture === null) {
      return;
    }
    const { part, address } = picture;
    picture.button.setAttribute("aria-current", "true");
    this.#showImage(address, part.parameters?.split("\n")[0] || "Picture without a prompt", part.width);
    element("parameters").textContent = part.parameters ?? "";
    const link = element("download");
    link.href = address;
    link.download = `onnxstream-${part.seed}.png`;
    element("reuse").hidden = picture.settings === null;
  }

  #showPreview(file) {
    element("nothing").hidden = true;
    element("caption").hidden = true;
    this.#showImage(`data:image/png;base64,${file}`, "Preview of the picture", 0);
  }

  #showImage(address, name, width) {
    const image = element("shown");
    image.hidden = false;
    image.src = address;
    image.alt = name;
    image.className = width < smallPicture ? "coarse" : "";
  }

  #reuse() {
    const { settings, part } = this.#shown;
    if (this.#models.some(model => model.id === settings.model)) {
      element("draw-model").value = settings.model;
      this.#suggest();
    }
    for (const id of ["prompt", "negative_prompt", "width", "height", "steps", "guidance_scale", "sampler", "schedule"]) {
      element(id).value = settings[id] ?? "";
    }
    element("seed").value = part.seed;
    element("prompt").focus();
  }

  async #beginWith(file) {
    if (!file) {
      return;
    }
    try {
      await this.#brush.load(file);
    } catch {
      this.#showError("This is no picture that the browser can read.");
      return;
    }
    this.#showError("");
    element("start-picture").hidden = false;
    element("drop").hidden = true;
    announce("The picture to begin with is there.");
  }

  #takeDrops(place) {
    place.addEventListener("dragover", event => { event.preventDefault(); place.classList.add("over"); });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", event => {
      event.preventDefault();
      place.classList.remove("over");
      this.#beginWith(event.dataTransfer.files[0]);
    });
  }

  #showStrength() {
    element("strength-value").textContent = element("strength").valueAsNumber.toFixed(2);
  }

  #progress(text, share) {
    element("draw-stage").textContent = text;
    if (share === null) {
      element("draw-bar").removeAttribute("value");
    } else {
      element("draw-bar").value = share;
    }
  }

  #showError(text) {
    element("draw-error").textContent = text;
  }

  // A button that has the focus keeps it: it is not disabled, but says that it waits.
  #setDrawing(value) {
    this.#isDrawing = value;
    const hadFocus = document.activeElement === element("draw-cancel");
    element("draw-button").setAttribute("aria-disabled", value);
    element("draw-cancel").hidden = !value;
    element("draw-progress").hidden = !value;
    if (hadFocus && !value) {
      element("draw-button").focus();
    }
  }
}
