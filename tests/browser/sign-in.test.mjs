// Tests of sign-in by authorization code with PKCE. A fake token service checks the proof. No browser is needed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { begin, complete, end } from "../../functions/api/page/sign-in.js";

const SERVICE = { address: "https://sign-in.example", client: "page-1" };

/** A fake tab with storage and an address, and a fake service that issues a token for the right proof. */
function openTab() {
  const stored = new Map();
  const tab = { left: null, shown: null, requests: [] };
  globalThis.sessionStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
    removeItem: (key) => stored.delete(key),
  };
  globalThis.location = { origin: "https://page.example", search: "", assign: (address) => { tab.left = new URL(address); } };
  globalThis.history = { replaceState: (_, __, address) => { tab.shown = address; } };
  globalThis.fetch = async (address, { body }) => {
    tab.requests.push(body);
    const proof = createHash("sha256").update(body.get("code_verifier")).digest("base64url");
    const sound = address === `${SERVICE.address}/oauth2/token` && body.get("client_id") === SERVICE.client
      && body.get("redirect_uri") === "https://page.example/" && proof === tab.left.searchParams.get("code_challenge");
    return sound ? Response.json({ id_token: `token for ${body.get("code")}` }) : new Response("", { status: 400 });
  };
  return tab;
}

test("user who returns with a code gets a token", async () => {
  const tab = openTab();
  await begin(SERVICE, "#/review");
  const query = tab.left.searchParams;
  assert.equal(tab.left.origin + tab.left.pathname, "https://sign-in.example/oauth2/authorize");
  assert.deepEqual([query.get("response_type"), query.get("code_challenge_method"), query.get("scope")], ["code", "S256", "openid email"]);
  location.search = `?code=c1&state=${query.get("state")}`;
  assert.equal(await complete(SERVICE), "token for c1");
  assert.equal(tab.shown, "/#/review", "the code is removed from the address");
  assert.equal(await complete(SERVICE), null, "a code can be used only once");
});

test("code that this tab did not request is refused", async () => {
  const tab = openTab();
  location.search = "?code=stolen&state=s";
  assert.equal(await complete(SERVICE), null);
  await begin(SERVICE, "#/");
  location.search = "?code=stolen&state=other";
  assert.equal(await complete(SERVICE), null);
  assert.deepEqual(tab.requests, []);
});

test("visit without a code, or with a refusal, yields no token", async () => {
  const tab = openTab();
  await begin(SERVICE, "#/");
  assert.equal(await complete(SERVICE), null);
  location.search = `?error=access_denied&state=${tab.left.searchParams.get("state")}`;
  assert.equal(await complete(SERVICE), null);
  assert.deepEqual(tab.requests, []);
});

test("signing out ends the session with the sign-in service", () => {
  const tab = openTab();
  end(SERVICE);
  assert.equal(tab.left.href, "https://sign-in.example/logout?client_id=page-1&logout_uri=https%3A%2F%2Fpage.example%2F");
});
