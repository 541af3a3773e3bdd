// Requests to the server that the page came from.

const $ = (id) => document.getElementById(id);
let token = sessionStorage.getItem("samus-token");

/** What the server says about itself: `health`, and whether a folder or an archive is served. */
export const server = { health: null, hasFolder: false, hasArchive: false };

export async function send(path, options = {}) {
  const headers = new Headers(options.headers || {});
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is samus serve still running?");
  }
  if (response.status === 401) {
    await askForToken();
    return send(path, options);
  }
  return response;
}

/** The answer as JSON; an error has the server's words, and its status. */
export async function json(path, options) {
  return content(await send(path, options));
}

export async function content(response) {
  const body = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (response.ok) return body;
  const error = new Error(body?.error || `The server answered ${response.status}.`);
  error.status = response.status;
  error.retryAfter = Number(response.headers.get("Retry-After")) || null;
  throw error;
}

export const post = (path, value, options = {}) => ({
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), ...options,
});

export const upload = (file) => ({
  method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file,
});

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Several requests at once must not open the dialog twice. */
let asking = null;

function askForToken() {
  const dialog = $("token-dialog");
  asking ||= new Promise((resolve) => {
    dialog.showModal();
    dialog.addEventListener("close", () => {
      token = $("token").value.trim();
      sessionStorage.setItem("samus-token", token);
      asking = null;
      resolve();
    }, { once: true });
  });
  return asking;
}

/** Tells the person something; screen readers read it. */
export function say(text, isWarning = false) {
  $("status").textContent = text;
  $("status").classList.toggle("warn", isWarning);
}

export function busy(text) {
  $("busy").hidden = !text;
  if (text) $("busy").textContent = text;
}
