// The client of the API: who is signed in, requests, uploads and downloads.
import { store, useStore } from "./lib.js";

/** The API's root. The console's script lies two folders below it, wherever a gateway puts that. */
export const BASE = new URL("../../", import.meta.url);
const KEPT = "decant-token";

/**
 * Who is signed in: `{ token, caller }`; `caller` is `{ id, name, scopes }` once the API has told. `left` is why nobody is,
 * and `last` the name of whose token expired.
 */
export const session = store({ token: sessionStorage.getItem(KEPT), caller: null, left: null, last: null });
export const useSession = () => useStore(session);

/** Whether the signed-in caller has a scope: "read", "write" or "operate". */
export const may = (scope) => Boolean(session.get().caller?.scopes.includes(scope));

/** An error as the API tells it: a problem document (RFC 9457). `status` is 0 when nobody answered. */
export class Problem extends Error {
  constructor(status, document = {}) {
    super(document.detail ?? document.title ?? String(status));
    this.status = status;
    this.title = document.title;
    this.detail = document.detail;
    this.errors = document.errors ?? [];
    this.code = (document.type ?? "").replace("urn:decant:problem:", "");
    this.body = document;
  }
}

/** Sign in with a token. Throws Problem when the API does not know it. */
export async function signIn(token) {
  const { body } = await ask("me", { token });
  // The same person has another id with a new token.
  if (session.get().last !== body.name) signOut();
  sessionStorage.setItem(KEPT, token);
  session.set({ token, caller: body, left: null, last: null });
}

/** Sign out; `reason` ("expired" or null) is told where the reader signs in again. */
export function signOut(reason = null) {
  const last = reason && session.get().caller?.name;
  sessionStorage.removeItem(KEPT);
  session.set({ token: null, caller: null, left: reason, last });
}

/**
 * Do something whenever the reader signs out by themselves, or another signs in where their token expired; they
 * themselves find all as it was.
 */
export const leaving = (act) => session.follow(() => {
  const { token, left } = session.get();
  if (!token && !left) act();
});

/** Ask the API who is signed in, after a page was loaded anew. */
export async function recall() {
  const { token } = session.get();
  const { body } = await ask("me");
  session.set({ token, caller: body, left: null, last: null });
}

const URL_OF = (path, query = {}) => {
  const url = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
};

/**
 * Ask the API; gives `{ status, body, headers }`. `body` is the answer's JSON. Throws Problem for a status of 400 and
 * above, but for those in `accept`: a batch of which no row went in answers 422 with what is wrong with each.
 */
export async function ask(path, { method = "GET", query, json, headers = {}, signal, token, accept = [] } = {}) {
  const response = await send(path, {
    method,
    query,
    signal,
    token,
    headers: { Accept: "application/json", ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: json === undefined ? undefined : JSON.stringify(json),
  });
  const body = await response.text().then(parsed).catch(() => null);
  const told = body?.type?.startsWith?.("urn:decant:problem:");
  if (response.status >= 400 && (told || !accept.includes(response.status))) throw new Problem(response.status, body ?? {});
  return { status: response.status, body, headers: response.headers };
}

/** JSON, in which a whole number that JavaScript would round, such as a long key, becomes its text. */
function parsed(json) {
  const exact = (part) => (/^-?\d{16,}$/.test(part) ? `"${part}"` : part);
  return JSON.parse(json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, exact));
}

/** Send a request, whatever is answered. Throws Problem when nobody answers, or nobody is signed in who could ask. */
export async function send(path, { query, token = session.get().token, headers, ...options }) {
  if (!token) throw new Problem(401);
  let response;
  try {
    response = await fetch(URL_OF(path, query), {
      ...options,
      headers: { ...headers, Authorization: `Bearer ${token}` },
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  // Only the token that is in use is given up: a wrong one at the door is for the door to tell.
  if (response.status === 401 && token === session.get().token) signOut("expired");
  return response;
}

/** The JSON at a path. `query` leaves out what has no value. */
export const get = async (path, query, options = {}) => (await ask(path, { query, ...options })).body;

/**
 * POST JSON, or nothing, and give the answer's JSON. The same `key` gets the first answer again, so that a request
 * may be repeated when its answer was lost; `wait` is how many seconds to wait for long work.
 */
export async function post(path, json, { query, key = crypto.randomUUID(), wait, accept, signal } = {}) {
  const headers = { "Idempotency-Key": key, ...(wait ? { Prefer: `wait=${wait}` } : {}) };
  return (await ask(path, { method: "POST", query, json, headers, accept, signal })).body;
}

/**
 * Download what a path answers, as `name`. Where the file lies in a bucket the API tells a URL, and the browser gets it
 * from there. Throws Problem.
 */
export async function download(path, { query, name, accept = "*/*" } = {}) {
  const response = await send(path, { method: "GET", query, headers: { Accept: accept } });
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  if (response.status >= 400) throw new Problem(response.status, await response.json().catch(() => ({})));
  const body = json && accept.includes("json") ? await response.json() : null;
  if (body?.url) return save(body.url);
  const url = URL.createObjectURL(body ? new Blob([JSON.stringify(body)]) : await response.blob());
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Save what is at a URL as a file. */
export function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.rel = "noreferrer";
  if (name) link.download = name;
  link.click();
}

/** Send a file by the form of `POST /uploads`; `progress(share)` is told as it goes. Throws Problem. */
export function sendFile(form, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.url);
    request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(storageProblem(request))));
    request.addEventListener("error", () => reject(new Problem(0)));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

/** What S3 says, in XML, of a file that it does not take. */
function storageProblem(request) {
  const found = /<Message>([^<]*)<\/Message>/.exec(request.responseText);
  return new Problem(request.status, { detail: found?.[1] });
}
