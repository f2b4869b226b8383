// The picture to begin with, and a brush for what shall be drawn anew: by mouse, pen, finger or keys.

const longestSide = 1024;
const keySteps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class MaskBrush {
  #canvas;
  #size;
  #picture = document.createElement("canvas");
  #paint = document.createElement("canvas");
  #at = null;
  #isPainted = false;

  /** Takes the canvas that is painted on, and the field with the brush's width in hundredths of the picture's longer side. */
  constructor(canvas, size) {
    this.#canvas = canvas;
    this.#size = size;
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      this.#at = this.#place(event);
      this.#stroke(this.#at, event.button === 2 || event.shiftKey);
    });
    canvas.addEventListener("pointermove", event => {
      const place = this.#place(event);
      if (event.buttons !== 0 && canvas.hasPointerCapture(event.pointerId)) {
        this.#stroke(place, event.buttons === 2 || event.shiftKey);
      } else {
        this.#at = place;
        this.#show();
      }
    });
    canvas.addEventListener("pointerleave", () => { this.#at = null; this.#show(); });
    canvas.addEventListener("contextmenu", event => event.preventDefault());
    canvas.addEventListener("focus", () => { this.#at ??= { x: canvas.width / 2, y: canvas.height / 2 }; this.#show(); });
    canvas.addEventListener("blur", () => { this.#at = null; this.#show(); });
    canvas.addEventListener("keydown", event => this.#key(event));
    size.addEventListener("input", () => this.#show());
  }

  get hasPicture() {
    return this.#picture.width > 1;
  }

  /** Takes a picture: a file or a part of one that the browser can read. */
  async load(file) {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(2, Math.round(bitmap.width * scale));
    const height = Math.max(2, Math.round(bitmap.height * scale));
    this.#picture.width = width;
    this.#picture.height = height;
    this.#picture.getContext("2d").drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    // A small picture is painted on in more detail than it has.
    const enlargement = Math.max(1, Math.floor(512 / Math.max(width, height)));
    for (const canvas of [this.#canvas, this.#paint]) {
      canvas.width = width * enlargement;
      canvas.height = height * enlargement;
    }
    this.clear();
  }

  clear() {
    this.#paint.getContext("2d").clearRect(0, 0, this.#paint.width, this.#paint.height);
    this.#isPainted = false;
    this.#show();
  }

  remove() {
    this.#picture.width = 1;
    this.clear();
  }

  /** The picture as a PNG file in base 64. */
  get pictureFile() {
    return fileOf(this.#picture);
  }

  /** White where was painted and black elsewhere, as a PNG file in base 64; null where nothing was painted. */
  get maskFile() {
    if (!this.#isPainted) {
      return null;
    }
    const mask = document.createElement("canvas");
    mask.width = this.#paint.width;
    mask.height = this.#paint.height;
    const context = mask.getContext("2d");
    context.drawImage(this.#paint, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = "#fff";
    context.fillRect(0, 0, mask.width, mask.height);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = "#000";
    context.fillRect(0, 0, mask.width, mask.height);
    return fileOf(mask);
  }

  get #radius() {
    return Math.max(1, this.#size.valueAsNumber / 200 * Math.max(this.#canvas.width, this.#canvas.height));
  }

  #key(event) {
    const step = keySteps[event.key];
    const distance = Math.max(1, this.#radius / 2);
    if (step) {
      this.#at = {
        x: Math.min(this.#canvas.width, Math.max(0, this.#at.x + step[0] * distance)),
        y: Math.min(this.#canvas.height, Math.max(0, this.#at.y + step[1] * distance)),
      };
      this.#show();
    } else if (event.key === " ") {
      this.#stroke(this.#at, false);
    } else if (event.key === "e" || event.key === "E") {
      this.#stroke(this.#at, true);
    } else if (event.key === "[" || event.key === "]") {
      this.#size.valueAsNumber += event.key === "[" ? -4 : 4;
      this.#show();
    } else {
      return;
    }
    event.preventDefault();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width * this.#canvas.width, y: (event.clientY - box.top) / box.height * this.#canvas.height };
  }

  // From where the brush was to a place. A line without length would not be drawn.
  #stroke(place, erases) {
    const context = this.#paint.getContext("2d");
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.strokeStyle = getComputedStyle(this.#canvas).accentColor;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = 2 * this.#radius;
    context.beginPath();
    context.moveTo((this.#at ?? place).x, (this.#at ?? place).y);
    context.lineTo(place.x + 0.01, place.y);
    context.stroke();
    this.#at = place;
    this.#isPainted ||= !erases;
    this.#show();
  }

  #show() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!this.hasPicture) {
      return;
    }
    context.imageSmoothingEnabled = this.#picture.width >= 256;
    context.drawImage(this.#picture, 0, 0, width, height);
    context.globalAlpha = 0.7;
    context.drawImage(this.#paint, 0, 0);
    context.globalAlpha = 1;
    if (this.#at !== null) {
      for (const [color, line] of [["#000", 4], ["#fff", 2]]) {
        context.strokeStyle = color;
        context.lineWidth = line * width / 400;
        context.beginPath();
        context.arc(this.#at.x, this.#at.y, this.#radius, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }
}

function fileOf(canvas) {
  return canvas.toDataURL("image/png").split(",")[1];
}
