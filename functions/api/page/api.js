// The HTTP API: the token, requests, uploads, and the events of a run.

const TOKEN = "bespoke.token";

/** An error response from the server, or the absence of a response. */
export class Problem extends Error {
  constructor({ status = 0, title, detail, error, help }) {
    super(detail ?? "");
    Object.assign(this, { status, title, error, help });
  }

  /** Whether the same request may succeed later. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Returns the problem of a server that does not respond. */
export const unreachable = () => new Problem({
  title: "The server does not respond",
  detail: "it may have stopped; nothing is lost, and it is safe to try again",
});

/**
 * Moves a token from the address's fragment to this tab's storage. Browsers never send the fragment to a server. Works on
 * one machine only: elsewhere, a link could sign its reader in as another person.
 */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  if (["127.0.0.1", "localhost"].includes(location.hostname)) keepToken(token);
  history.replaceState(null, "", sessionStorage.getItem("bespoke.address") ?? "#/");
  return true;
}

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);
export const dropToken = () => sessionStorage.removeItem(TOKEN);
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

function withToken(headers) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...headers, authorization: `Bearer ${token}` } : headers;
}

/** Sends a request and returns the body of the response. Throws a Problem. `key` is the idempotency key. */
export async function call(method, path, { body, key, signal } = {}) {
  const headers = withToken({ accept: "application/json" });
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let response;
  try {
    response = await fetch(`v1/${path}`, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

async function problemOf(response) {
  const details = await response.json().catch(() => ({}));
  const titles = { 401: "You are not signed in", 403: "Your role does not allow this", 404: "Not found", 429: "Too many requests" };
  return new Problem({ ...details, status: response.status, title: titles[response.status] ?? "The request failed" });
}

/** Uploads a file to an address. Calls `onProgress` with the uploaded fraction, 0 to 1. */
export function upload(address, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address);
    // An address on another host is presigned and needs no token.
    if (new URL(address, document.baseURI).origin === location.origin) {
      for (const [name, value] of Object.entries(withToken({}))) request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve();
      let details = {};
      try {
        details = JSON.parse(request.responseText);
      } catch { /* Not every store responds with JSON. */ }
      reject(new Problem({ ...details, status: request.status, title: "The upload failed" }));
    });
    request.addEventListener("error", () => reject(unreachable()));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** Yields the events of a run from the first to `end`, each once and in order. Reads a stream if the server offers one, and
 *  polls otherwise. If the server stops responding, waits for it. Calls `onConnection` with false when the server stops
 *  responding and with true when it responds again. */
export async function* events(path, { signal, onConnection }) {
  let last = 0;
  let failures = 0;
  let idle = 0;
  while (!signal.aborted) {
    try {
      idle += 1;
      for await (const event of eventsOfResponse(path, last, signal)) {
        if (failures > 0) onConnection(true);
        failures = 0;
        if (!event || event.number <= last) continue;
        last = event.number;
        idle = 0;
        yield event;
        if (event.kind === "end") return;
      }
      // A run that is waiting for a person or for its turn is polled less and less often.
      await pause(failures ? 2_000 : Math.min(5_000, 700 * 1.5 ** idle), signal);
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Problem && !problem.isTemporary) throw problem;
      failures += 1;
      if (failures === 1) onConnection(false);
      await pause(Math.min(5_000, 400 * 2 ** failures), signal);
    }
  }
}

/** Yields the events in one response. For a stream, also yields null for each chunk, as a sign that the server is alive. */
async function* eventsOfResponse(path, last, signal) {
  const timeout = new AbortController();
  const stop = () => timeout.abort();
  signal.addEventListener("abort", stop);
  // If a stream delivers nothing for this long, the connection is considered lost.
  let timer = setTimeout(stop, 45_000);
  const restartTimer = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, 45_000);
  };
  try {
    const headers = withToken({ accept: "text/event-stream, application/json;q=0.5" });
    if (last) headers["last-event-id"] = String(last);
    const response = await fetch(`v1/${path}?after=${last}`, { headers, signal: timeout.signal, cache: "no-store" });
    if (!response.ok) throw await problemOf(response);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const list = await response.json();
      yield null;
      yield* list.events;
      if (list.ended && !list.events.some((event) => event.kind === "end")) yield { number: Infinity, kind: "end" };
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      restartTimer();
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
    timeout.abort();
  }
}

/** Waits until the time has passed or the signal aborts. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** Returns a new idempotency key, which makes a repeated request safe. */
export const newKey = () => crypto.randomUUID();
