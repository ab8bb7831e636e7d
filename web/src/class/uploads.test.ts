import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ClassApi } from "../api/classroom";
import { ApiError } from "../api/error";
import { sizeText, Uploads } from "./uploads";

const file = (name: string, size = 3, type = "image/png") =>
  new File([new Uint8Array(size)], name, { type });
const limits = { maxBytes: 10, totalBytes: 100, usedBytes: 0 };

let api: { uploadLimits: ReturnType<typeof vi.fn>; uploadFile: ReturnType<typeof vi.fn> };
let arrived: ReturnType<typeof vi.fn<() => void>>;
let uploads: Uploads;
/** What the server answers to the upload that runs. */
let answer: (refusal: string | null) => void;

beforeEach(() => {
  api = {
    uploadLimits: vi.fn(async () => limits),
    uploadFile: vi.fn(
      (_id, _file, _progress, signal: AbortSignal) =>
        new Promise((resolve, reject) => {
          answer = resolve;
          signal.addEventListener("abort", () => reject(ApiError.unreachable(null)));
        }),
    ),
  };
  arrived = vi.fn<() => void>();
  uploads = new Uploads(api as unknown as ClassApi, "c", arrived);
});

const states = () => uploads.snapshot().map(({ name, state, problem }) => [name, state, problem]);
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("uploads", () => {
  it("go one after the other and are gone when they have arrived", async () => {
    uploads.add([file("a.png"), file("b.png")]);
    await settle();
    expect(states()).toEqual([
      ["a.png", "sending", null],
      ["b.png", "waiting", null],
    ]);
    const [, sent, progress] = api.uploadFile.mock.calls[0] ?? [];
    expect(sent.name).toBe("a.png");
    progress(2);
    expect(uploads.snapshot()[0]?.sent).toBe(2);
    progress(200);
    expect(uploads.snapshot()[0]?.sent).toBe(3);
    answer(null);
    await settle();
    expect(arrived).toHaveBeenCalledTimes(1);
    expect(states()).toEqual([["b.png", "sending", null]]);
    expect(api.uploadLimits).toHaveBeenCalledTimes(1);
  });

  it("say why not, without sending what the server would not take", async () => {
    uploads.add([file("a.svg", 3, "image/svg+xml"), file("empty.png", 0), file("large.png", 11)]);
    await settle();
    await settle();
    await settle();
    expect(states()).toEqual([
      ["a.svg", "failed", "type"],
      ["empty.png", "failed", "empty"],
      ["large.png", "failed", "large"],
    ]);
    expect(api.uploadFile).not.toHaveBeenCalled();
    uploads.add([file("b.png"), file("c.png")]);
    await settle();
    answer("ClassFilesFull");
    await settle();
    answer("FileType");
    await settle();
    expect(states().slice(3)).toEqual([
      ["b.png", "failed", "full"],
      ["c.png", "failed", "type"],
    ]);
  });

  it("are tried again, or dropped while they are sent", async () => {
    const failure = new ApiError("refused", 403, "", null);
    api.uploadFile.mockRejectedValueOnce(failure);
    uploads.add([file("a.png"), file("b.png")]);
    await settle();
    expect(states()[0]).toEqual(["a.png", "failed", "refused"]);
    uploads.remove(2);
    await settle();
    expect(states()).toEqual([["a.png", "failed", "refused"]]);
    uploads.again(1);
    await settle();
    expect(states()).toEqual([["a.png", "sending", null]]);
    answer(null);
    await settle();
    expect(uploads.snapshot()).toEqual([]);
    expect(arrived).toHaveBeenCalledTimes(1);
  });

  it("are no more than a person drops on purpose", () => {
    uploads.add(Array.from({ length: 80 }, (_, n) => file(`${n}.png`)));
    expect(uploads.snapshot()).toHaveLength(50);
    uploads.close();
  });
});

it("sizes are told as people say them", () => {
  const told = [0, 1_023, 1_024, 3_670_016, 33_554_432, 1_048_500, 5_368_709_120].map(sizeText);
  expect(told).toEqual(["0 B", "1023 B", "1.0 KB", "3.5 MB", "32 MB", "1.0 MB", "5.0 GB"]);
});
