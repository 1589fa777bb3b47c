// The HTTP API: the caller's token, calls, uploads, and the numbered events of a run.

const TOKEN = "bespoke.token";

/** What the server says went wrong, or that it did not answer. */
export class Problem extends Error {
  constructor({ status = 0, title, detail, error, help }) {
    super(detail ?? "");
    Object.assign(this, { status, title, error, help });
  }

  /** Whether nobody answered, or somebody who may soon: the same call is worth making again. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** That nobody answers. */
export const silence = () => new Problem({
  title: "The server does not answer",
  detail: "it may have been stopped; nothing is lost, and the same again is safe",
});

/**
 * Takes a token out of the address's fragment, where it was never sent to the server, and removes it from there. On one
 * machine only: elsewhere a link could sign its reader in as somebody else.
 */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return false;
  if (["127.0.0.1", "localhost"].includes(location.hostname)) keepToken(given);
  history.replaceState(null, "", sessionStorage.getItem("bespoke.place") ?? "#/");
  return true;
}

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

function headers(more) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...more, authorization: `Bearer ${token}` } : more;
}

/** Calls the API and gives the answer's body. Throws a [Problem]. `key` makes a repeated call the same call. */
export async function call(method, path, { body, key, signal } = {}) {
  const given = headers({ accept: "application/json" });
  if (body !== undefined) given["content-type"] = "application/json";
  if (key) given["idempotency-key"] = key;
  let response;
  try {
    response = await fetch(`v1/${path}`, { method, headers: given, body: body && JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : silence();
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const title = { 401: "You are not signed in", 404: "There is nothing here", 429: "Too many calls at once" };
  return new Problem({ ...told, status: response.status, title: title[response.status] ?? "That did not work" });
}

/** Puts a file where a presigned address says. `progress` is told the share that has gone, 0 to 1. */
export function put(address, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address);
    // Another host is given no token: its address is signed.
    if (new URL(address, document.baseURI).origin === location.origin) {
      for (const [name, value] of Object.entries(headers({}))) request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", (event) => progress(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve();
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch { /* Not every store answers in JSON. */ }
      reject(new Problem({ ...told, status: request.status, title: "The file was not taken" }));
    });
    request.addEventListener("error", () => reject(silence()));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** The events of a run from the first on, each once and in order, until `end`: streamed where the server streams, asked
 *  for again and again where it cannot. A server that went away is waited for; `link` is told when it goes and comes. */
export async function* events(path, { signal, link }) {
  let last = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const event of once(path, last, signal)) {
        if (failures > 0) link(true);
        failures = 0;
        if (!event || event.n <= last) continue;
        last = event.n;
        yield event;
        if (event.kind === "end") return;
      }
      await pause(failures ? 2_000 : 700, signal);
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Problem && !problem.passing) throw problem;
      failures += 1;
      if (failures === 1) link(false);
      await pause(Math.min(5_000, 400 * 2 ** failures), signal);
    }
  }
}

/** One answer of the server: events, and null for each sign of life between them. */
async function* once(path, last, signal) {
  const quiet = new AbortController();
  const stop = () => quiet.abort();
  signal.addEventListener("abort", stop);
  // A stream on which nothing comes, not even a sign of life, is a lost one.
  let timer = setTimeout(stop, 45_000);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, 45_000);
  };
  try {
    const given = headers({ accept: "text/event-stream, application/json;q=0.5" });
    if (last) given["last-event-id"] = String(last);
    const response = await fetch(`v1/${path}?after=${last}`, { headers: given, signal: quiet.signal, cache: "no-store" });
    if (!response.ok) throw await problemOf(response);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const answer = await response.json();
      yield null;
      yield* answer.events;
      if (answer.ended && !answer.events.some((event) => event.kind === "end")) yield { n: Infinity, kind: "end" };
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      yield null;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        if (data.length) yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    quiet.abort();
  }
}

/** Waits, but not beyond the signal. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** A key that makes a repeated call the same call. */
export const newKey = () => crypto.randomUUID();
