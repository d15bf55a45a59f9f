// Drops every image of a folder onto the page in headless Chromium and compares the answers.
//
//   npm test -- FOLDER [screenshot.png]
//
// PYTHON and CHROMIUM name the programs, by default python3 and what is called chromium.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const [folder, screenshot] = process.argv.slice(2);
if (!folder) throw new Error("give a folder of images");
const TOLERANCE = 1e-4;
const TYPES = { html: "text/html", js: "text/javascript", mjs: "text/javascript",
  json: "application/json", wasm: "application/wasm" };

const model = path.join(here, "model", "model.onnx");
const printed = execFileSync(process.env.PYTHON ?? "python3",
  [path.join(here, "prepare.py"), model, "--answers", folder], { maxBuffer: 1e9 });
const wanted = JSON.parse(printed);

const server = http.createServer((request, response) => {
  const file = path.join(here, decodeURIComponent(new URL(request.url, "http://a").pathname));
  try {
    const name = file.endsWith(path.sep) ? `${file}index.html` : file;
    const content = readFileSync(name);
    const type = TYPES[path.extname(name).slice(1)] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type }).end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"], // tests run as root in containers
});
const faults = [];
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 720, height: 620 });
  page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(`${origin}/`)) {
      faults.push(`fetched from elsewhere: ${request.url()}`);
    }
  });
  await page.goto(`${origin}/`, { waitUntil: "load" });
  const said = (text) =>
    page.waitForFunction(
      (part) => document.getElementById("status").textContent.includes(part),
      { timeout: 60000 }, text);
  await said("ready");

  // A real drop event, with a file made of the image's bytes.
  const drop = (bytes, name) =>
    page.evaluate((encoded, called) => {
      const raw = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
      const carried = new DataTransfer();
      carried.items.add(new File([raw], called));
      delete document.body.dataset.scores;
      document.getElementById("status").textContent = "";
      document.getElementById("zone").dispatchEvent(
        new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
    }, bytes.toString("base64"), name);

  let worst = 0;
  const times = [];
  for (const name of readdirSync(folder).sort()) {
    await drop(readFileSync(path.join(folder, name)), name);
    await said("ms in this browser");
    const [scores, status] = await page.evaluate(() => [
      JSON.parse(document.body.dataset.scores), document.getElementById("status").textContent]);
    times.push(parseFloat(status));
    const difference = Math.max(...scores.map((s, i) => Math.abs(s - wanted[name][i])));
    worst = Math.max(worst, difference);
    if (!(difference <= TOLERANCE)) faults.push(`${name}: differs by ${difference}`);
  }
  if (screenshot) await page.screenshot({ path: screenshot });
  await drop(Buffer.from("no image"), "notes.txt");
  await said("no image that can be read");
  times.sort((a, b) => a - b);
  console.log(`${times.length} images dropped, all probabilities within ` +
    `${worst.toExponential(1)} of Predictor's, median ${times[times.length >> 1]} ms`);
} finally {
  await browser.close();
  server.close();
}
if (faults.length || !Object.keys(wanted).length) {
  console.error(faults.slice(0, 5).join("\n") || "no images");
  process.exit(1);
}
