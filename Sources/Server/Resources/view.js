// The canvas: the frame with window and level, masks, prompts, zoom and the pixel grid.

import { maskOf } from "./masks.js";

const $ = (id) => document.getElementById(id);
export const colours = ["#4fd1ff", "#ffb454", "#7ee787", "#ff8fa3", "#c9a6ff", "#f2e86d", "#5eead4", "#f0abfc"];
export const canvas = $("canvas");
const context = canvas.getContext("2d");

/** What is shown: image, work of the frame, box being drawn, cross of the keyboard. */
export const shown = { image: null, work: null, box: null, cross: null };
export const view = { scale: 1, x: 0, y: 0 };
let pixels = null;
let base = null;
let overlay = null;

/** Shows the pixels of a frame. */
export function showPixels(bitmap) {
  const { width, height } = shown.image;
  base = new OffscreenCanvas(width, height);
  const target = base.getContext("2d", { willReadFrequently: true });
  target.drawImage(bitmap, 0, 0);
  pixels = target.getImageData(0, 0, width, height);
  overlay = new OffscreenCanvas(width, height);
  applyWindow();
}

export function applyWindow() {
  if (!pixels) return;
  const [width, level] = [Number($("window").value), Number($("level").value)];
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) table[value] = ((value - level) / width + 0.5) * 255;
  const result = new ImageData(new Uint8ClampedArray(pixels.data), pixels.width, pixels.height);
  if (width !== 255 || level !== 128) {
    for (let i = 0; i < result.data.length; i += 4) {
      for (let c = 0; c < 3; c++) result.data[i + c] = table[result.data[i + c]];
    }
  }
  base.getContext("2d").putImageData(result, 0, 0);
}

/** Draws the masks anew. */
export function render() {
  const { image, work } = shown;
  if (!image || !overlay || !work) return;
  const { width, height } = image;
  const data = new ImageData(width, height);
  const alpha = Math.round(Number($("opacity").value) * 2.55);
  const contourOnly = $("contour").checked;
  work.objects.forEach((object, number) => {
    const mask = maskOf(object, image);
    if (!mask) return;
    const colour = colours[number % colours.length];
    const [r, g, b] = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
    for (let y = 0, index = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        if (!mask[index]) continue;
        const edge = x === 0 || y === 0 || x === width - 1 || y === height - 1
          || !mask[index - 1] || !mask[index + 1] || !mask[index - width] || !mask[index + width];
        if (contourOnly && !edge) continue;
        data.data.set([r, g, b, edge ? 255 : alpha], 4 * index);
      }
    }
  });
  overlay.getContext("2d").putImageData(data, 0, 0);
  draw();
}

/** Draws image, masks and prompts at the present zoom. */
export function draw() {
  const { image, work } = shown;
  const ratio = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!image || !base || !work) return;
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  context.imageSmoothingEnabled = view.scale < 1;
  context.drawImage(base, 0, 0);
  context.drawImage(overlay, 0, 0);
  if (view.scale >= 12) drawGrid(image);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const object = work.objects[work.current];
  const colour = colours[work.current % colours.length];
  const rectangle = shown.box || object.box;
  if (rectangle) {
    const [x0, y0] = toScreen(rectangle[0], rectangle[1]);
    const [x1, y1] = toScreen(rectangle[2], rectangle[3]);
    for (const [lineWidth, style] of [[3, "#000"], [1.5, colour]]) {
      context.lineWidth = lineWidth;
      context.strokeStyle = style;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }
  for (const point of object.clicks) drawPoint(point);
  if (shown.cross && document.activeElement === canvas) drawCross(shown.cross);
}

function drawPoint({ x, y, foreground }) {
  const [cx, cy] = toScreen(x, y);
  context.beginPath();
  context.arc(cx, cy, 6, 0, 2 * Math.PI);
  context.fillStyle = foreground ? "#0a7d2c" : "#b3001e";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.stroke();
  // Not by colour alone: plus and minus.
  context.beginPath();
  context.moveTo(cx - 3, cy);
  context.lineTo(cx + 3, cy);
  if (foreground) {
    context.moveTo(cx, cy - 3);
    context.lineTo(cx, cy + 3);
  }
  context.stroke();
}

function drawGrid({ width, height }) {
  context.lineWidth = 0.5 / view.scale;
  context.strokeStyle = "#8888";
  context.beginPath();
  for (let x = 0; x <= width; x++) { context.moveTo(x, 0); context.lineTo(x, height); }
  for (let y = 0; y <= height; y++) { context.moveTo(0, y); context.lineTo(width, y); }
  context.stroke();
}

function drawCross(point) {
  const [x, y] = toScreen(point.x, point.y);
  for (const [width, style] of [[3, "#000"], [1, "#fff"]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.moveTo(x - 12, y);
    context.lineTo(x + 12, y);
    context.moveTo(x, y - 12);
    context.lineTo(x, y + 12);
    context.stroke();
  }
}

/** From pixels of the image, whose centres are whole numbers, to the canvas, and back. */
const toScreen = (x, y) => [view.x + (x + 0.5) * view.scale, view.y + (y + 0.5) * view.scale];
export function toImage(event) {
  const box = canvas.getBoundingClientRect();
  const round = (value) => Math.round(value * 100) / 100;
  return {
    x: round((event.clientX - box.left - view.x) / view.scale - 0.5),
    y: round((event.clientY - box.top - view.y) / view.scale - 0.5),
  };
}

export const isInside = ({ x, y }) => shown.image && x >= -0.5 && y >= -0.5
  && x < shown.image.width - 0.5 && y < shown.image.height - 0.5;

export function fit() {
  const { image } = shown;
  if (!image) return;
  const box = canvas.getBoundingClientRect();
  view.scale = Math.min(box.width / image.width, box.height / image.height) || 1;
  view.x = (box.width - image.width * view.scale) / 2;
  view.y = (box.height - image.height * view.scale) / 2;
  draw();
}

export function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  if (!shown.image) return;
  const scale = Math.min(Math.max(view.scale * factor, 0.05), 64);
  view.x = x - ((x - view.x) / view.scale) * scale;
  view.y = y - ((y - view.y) / view.scale) * scale;
  view.scale = scale;
  draw();
}
