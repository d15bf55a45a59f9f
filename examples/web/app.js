// Classifies an image in the browser: nothing leaves it, and nothing is fetched from elsewhere.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
import { prepare } from "./preprocessing.js";

ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
const TOP = 5;
const LARGEST = 50e6; // pixels

const about = await (await fetch("model/model.json")).json();
const session = await ort.InferenceSession.create("model/model.onnx");
const [zone, status, picture, table] = ["zone", "status", "picture", "classes"].map((id) =>
  document.getElementById(id),
);

async function pixels(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  if (bitmap.width * bitmap.height > LARGEST) throw new Error("the image is too large");
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

async function classify(blob) {
  const { data, height, width, channels } = prepare(await pixels(blob), about.preprocessing);
  const image = new ort.Tensor("float32", data, [1, height, width, channels]);
  const started = performance.now();
  const output = (await session.run({ [session.inputNames[0]]: image }))[session.outputNames[0]];
  const milliseconds = performance.now() - started;
  const scores = about.logits ? softmax(output.data) : Array.from(output.data);
  return { scores, milliseconds };
}

async function show(blob) {
  status.textContent = "…";
  try {
    const { scores, milliseconds } = await classify(blob);
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(blob);
    picture.hidden = false;
    const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
    table.replaceChildren(
      ...order.slice(0, TOP).map((i) => {
        const row = document.createElement("li");
        const bar = document.createElement("meter");
        const name = document.createElement("b");
        const share = document.createElement("span");
        name.textContent = about.class_names?.[i] ?? i;
        bar.value = scores[i];
        share.textContent = `${(100 * scores[i]).toFixed(2)} %`;
        row.append(name, bar, share);
        return row;
      }),
    );
    document.body.dataset.scores = JSON.stringify(scores);
    status.textContent = `${milliseconds.toFixed(1)} ms in this browser`;
  } catch (error) {
    delete document.body.dataset.scores;
    table.replaceChildren();
    picture.hidden = true;
    status.textContent = `This is no image that can be read: ${error.message}`;
  }
}

for (const name of ["dragover", "dragleave", "drop"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.toggle("over", name === "dragover");
  });
}
zone.addEventListener("drop", (event) => {
  if (event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
});
document.getElementById("file").addEventListener("change", (event) => {
  if (event.target.files.length) show(event.target.files[0]);
});
status.textContent = `${about.name} is ready`;
