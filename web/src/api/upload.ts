import { ApiError } from "./error";

/** Why a file was not taken, where that is no fault of anybody's rights. */
export type UploadRefusal = "FileType" | "ClassFilesFull";

interface Answer {
  status: number;
  body: unknown;
  requestId: string | null;
}

/** Longest silence of an upload; a slow one that goes on is none. */
const SILENCE_MS = 30_000;

/** Sends a file with word of how far it is, which `fetch` does not give. Rejects when it did not arrive. */
export function sendFile(
  url: URL,
  headers: Readonly<Record<string, string>>,
  file: Blob,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence: number | undefined;
    const alive = () => {
      clearTimeout(silence);
      silence = window.setTimeout(() => request.abort(), SILENCE_MS);
    };
    const stop = () => request.abort();
    const fail = () => reject(ApiError.unreachable(null));
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => {
      alive();
      progress(loaded);
    };
    request.onload = () => {
      const requestId = request.getResponseHeader("x-request-id");
      resolve({ status: request.status, body: parsed(request.responseText), requestId });
    };
    request.onerror = fail;
    request.onabort = fail;
    request.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop);
    alive();
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
