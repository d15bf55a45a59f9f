// What kerascnn.Preprocessing does, for the pixels of a canvas; Pillow's resampling to the bit.

const FILTERS = {
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (x) => {
    const a = -0.5;
    x = Math.abs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }],
  lanczos: [3, (x) => {
    const sinc = (y) => (y === 0 ? 1 : Math.sin(Math.PI * y) / (Math.PI * y));
    return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
  }],
};
const BITS = 2 ** 22; // Pillow keeps its weights in so many parts

// Weights of the source pixels for each pixel of a line that goes from `before` to `after`.
function weights(before, after, interpolation) {
  const scale = before / after;
  if (interpolation === "nearest") {
    return Array.from({ length: after }, (_, at) => [Math.floor((at + 0.5) * scale), [BITS]]);
  }
  const [reach, filter] = FILTERS[interpolation];
  const wide = Math.max(scale, 1);
  return Array.from({ length: after }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * wide + 0.5));
    const last = Math.min(before, Math.trunc(centre + reach * wide + 0.5));
    const found = [];
    for (let x = first; x < last; x++) found.push(filter((x - centre + 0.5) / wide));
    const sum = found.reduce((a, b) => a + b, 0);
    return [first, found.map((w) => Math.trunc((w / sum) * BITS + (w < 0 ? -0.5 : 0.5)))];
  });
}

// Resamples one axis: `lines` lines, `step` apart, whose pixels are `stride` apart.
function resample(source, target, table, lines, from, to) {
  for (let line = 0; line < lines; line++) {
    table.forEach(([first, factors], at) => {
      let sum = BITS / 2;
      factors.forEach((factor, i) => {
        sum += factor * source[line * from.step + (first + i) * from.stride];
      });
      const value = Math.floor(sum / BITS);
      target[line * to.step + at * to.stride] = Math.min(255, Math.max(0, value));
    });
  }
}

function resized(plane, height, width, [newHeight, newWidth], interpolation) {
  if (newWidth !== width) {
    const target = new Uint8Array(height * newWidth);
    const table = weights(width, newWidth, interpolation);
    const from = { step: width, stride: 1 };
    resample(plane, target, table, height, from, { step: newWidth, stride: 1 });
    plane = target;
  }
  if (newHeight !== height) {
    const target = new Uint8Array(newHeight * newWidth);
    const table = weights(height, newHeight, interpolation);
    const axis = { step: 1, stride: newWidth };
    resample(plane, target, table, newWidth, axis, axis);
    plane = target;
  }
  return plane;
}

function sizeBeforeCut({ size, fit, resize }, height, width) {
  if (size === null) return [height, width];
  const [h, w] = size;
  if (fit === "none") {
    if (h === height && w === width) return size;
    throw new Error(`an image of ${height} x ${width} came and ${h} x ${w} is needed`);
  }
  if (fit === "resize") return size;
  if (fit === "crop") {
    if (resize === null) return [height, width];
    return height <= width
      ? [resize, Math.trunc((resize * width) / height)]
      : [Math.trunc((resize * height) / width), resize];
  }
  if (h === height && w === width) return size;
  const wanted = resize === null ? 1 : resize / Math.max(height, width);
  const factor = Math.min(h / height, w / width, wanted);
  return [height, width].map((side) => Math.max(1, halfEven(side * factor)));
}

// Python rounds halves to the even neighbour.
function halfEven(x) {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

// Where a side of `have` pixels lies in one of `want`: [first of source, first of target, count].
function centred(have, want) {
  if (have > want) return [halfEven((have - want) / 2), 0, want];
  return [0, Math.floor((want - have) / 2), have];
}

// From the RGBA pixels of a canvas to { data, height, width, channels }, channels last.
export function prepare({ data, width, height }, record) {
  const pixel = (at, c) => data[4 * at + c];
  const grey = (at) =>
    (pixel(at, 0) * 19595 + pixel(at, 1) * 38470 + pixel(at, 2) * 7471 + 32768) >> 16;
  const channels = record.channels === "grey" ? 1 : 3;
  const planes = [];
  for (let c = 0; c < channels; c++) {
    const from = record.channels === "bgr" ? 2 - c : c;
    const plane = new Uint8Array(width * height);
    for (let at = 0; at < plane.length; at++) {
      plane[at] = channels === 1 ? grey(at) : pixel(at, from);
    }
    planes.push(plane);
  }
  const between = sizeBeforeCut(record, height, width);
  const [h, w] = record.size ?? between;
  const result = new Float32Array(h * w * channels).fill(record.pad_value);
  const [y0, y1, rows] = centred(between[0], h);
  const [x0, x1, columns] = centred(between[1], w);
  planes.forEach((plane, c) => {
    const ready = resized(plane, height, width, between, record.interpolation);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        result[((y + y1) * w + x + x1) * channels + c] = ready[(y + y0) * between[1] + x + x0];
      }
    }
  });
  const of = (values, c) => values[values.length === 1 ? 0 : c];
  for (let at = 0; at < result.length; at++) {
    const c = at % channels;
    const std = of(record.std, c);
    result[at] = result[at] * (record.scale / std) - of(record.mean, c) / std;
  }
  return { data: result, height: h, width: w, channels };
}
