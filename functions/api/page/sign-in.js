// Sign-in by authorization code with PKCE (RFC 7636). The page keeps no secret; the token stays in this tab.

const PENDING = "bespoke.sign-in";

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const here = () => `${location.origin}/`;

/** Returns the sign-in service, or null if the server's own token is used instead. */
export async function service() {
  const response = await fetch("sign-in.json", { cache: "no-store" }).catch(() => null);
  return response?.ok ? response.json() : null;
}

/** Sends the user to the sign-in service. They then return to `returnTo`, a fragment of the page. */
export async function begin({ address, client }, returnTo) {
  const verifier = random();
  const state = random();
  sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, returnTo }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: here(), scope: "openid email", state,
    code_challenge_method: "S256", code_challenge: base64url(new Uint8Array(digest)),
  });
  location.assign(`${address}/oauth2/authorize?${query}`);
}

/**
 * Returns the token of a user who returns from the sign-in service with a code, or null on any other visit. Accepts a code
 * only in the tab that requested it, so a link cannot sign its reader in as another person.
 */
export async function complete({ address, client }) {
  const query = new URLSearchParams(location.search);
  if (!query.has("code") && !query.has("error")) return null;
  const { verifier, state, returnTo } = JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", `/${returnTo ?? ""}`);
  if (!state || query.get("state") !== state || !query.has("code")) return null;
  const body = new URLSearchParams({
    grant_type: "authorization_code", client_id: client, code: query.get("code"), redirect_uri: here(), code_verifier: verifier,
  });
  const response = await fetch(`${address}/oauth2/token`, { method: "POST", body }).catch(() => null);
  // The ID token contains the email address, which the record of a decision includes.
  return response?.ok ? (await response.json()).id_token : null;
}

/** Ends the session with the sign-in service, which then returns here. */
export function end({ address, client }) {
  location.assign(`${address}/logout?${new URLSearchParams({ client_id: client, logout_uri: here() })}`);
}
