// Made-up cameras as Y4M files: a person before a wall, instead of the browser's own test pattern.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WIDTH = 640;
const HEIGHT = 360;
const FPS = 10;
/** One nod. */
const FRAMES = 20;

/** Wall, clothes, skin, hair, as red, green, blue. */
const LOOKS = [
  { wall: [214, 226, 224], coat: [11, 100, 116], skin: [236, 188, 160], hair: [60, 42, 34] },
  { wall: [236, 224, 206], coat: [166, 72, 52], skin: [150, 104, 78], hair: [24, 20, 20] },
  { wall: [206, 214, 232], coat: [86, 74, 140], skin: [224, 172, 132], hair: [120, 76, 40] },
];

function toYuv([r, g, b]) {
  return [
    16 + 0.257 * r + 0.504 * g + 0.098 * b,
    128 - 0.148 * r - 0.291 * g + 0.439 * b,
    128 + 0.439 * r - 0.368 * g - 0.071 * b,
  ];
}

/** Colour at a point, in shares of the height; `nod` moves the head. */
function paint(look, x, y, nod) {
  const inside = (cx, cy, rx, ry) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
  const middle = WIDTH / HEIGHT / 2;
  const head = 0.4 + nod;
  if (inside(middle - 0.065, head, 0.02, 0.02) || inside(middle + 0.065, head, 0.02, 0.02)) {
    return [40, 32, 30];
  }
  if (inside(middle, head + 0.1, 0.05, 0.018)) return [168, 78, 72];
  if (inside(middle, head + 0.03, 0.155, 0.19)) return look.skin;
  if (inside(middle, head - 0.03, 0.19, 0.22)) return look.hair;
  if (inside(middle, 0.62, 0.07, 0.14)) return look.skin;
  if (inside(middle, 1.02, 0.42, 0.36)) return look.coat;
  const light = 1 - 0.16 * y - 0.08 * (x / (WIDTH / HEIGHT));
  return look.wall.map((part) => part * light);
}

function frame(look, number) {
  const nod = 0.012 * Math.sin((2 * Math.PI * number) / FRAMES);
  const luma = Buffer.alloc(WIDTH * HEIGHT);
  const quarter = (WIDTH / 2) * (HEIGHT / 2);
  const chroma = [Buffer.alloc(quarter), Buffer.alloc(quarter)];
  for (let row = 0; row < HEIGHT; row += 1) {
    for (let column = 0; column < WIDTH; column += 1) {
      const [y, u, v] = toYuv(paint(look, column / HEIGHT, row / HEIGHT, nod));
      luma[row * WIDTH + column] = y;
      if (row % 2 === 0 && column % 2 === 0) {
        const at = (row / 2) * (WIDTH / 2) + column / 2;
        chroma[0][at] = u;
        chroma[1][at] = v;
      }
    }
  }
  return Buffer.concat([Buffer.from("FRAME\n"), luma, ...chroma]);
}

/** Writes one file per look and returns their paths. */
export async function writeCameras() {
  const folder = await mkdtemp(join(tmpdir(), "stoa-cameras-"));
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FPS}:1 Ip A1:1 C420mpeg2\n`);
  return Promise.all(
    LOOKS.map(async (look, i) => {
      const path = join(folder, `camera-${i}.y4m`);
      const frames = Array.from({ length: FRAMES }, (_, number) => frame(look, number));
      await writeFile(path, Buffer.concat([head, ...frames]));
      return path;
    }),
  );
}
