// Who may come in and with what: the token is kept for this tab, what the person chose for this browser.

import { $, showAgents, showProblem, showStatus } from "/web/view.js";

export const WRONG_TOKEN = "That is not this server's token.";

export const remembered = {
  get: (name) => localStorage.getItem(`hotpin.${name}`) ?? "",
  set: (name, value) => localStorage.setItem(`hotpin.${name}`, value),
};

export const token = () => sessionStorage.getItem("hotpin.token") ?? "";

export const newSession = () => `web-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

/** Asks for the personas, which also tells whether the token is right; if it is not, asks the person for it. */
export async function agentsKnown() {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  try {
    const answer = await fetch("/agents", { headers, cache: "no-store" });
    if (answer.status === 401) {
      askForToken(token() ? WRONG_TOKEN : "");
      return false;
    }
    if (answer.ok) showAgents(await answer.json(), remembered.get("agent"));
  } catch {
    // The connection says so itself.
  }
  return true;
}

export function askForToken(problem) {
  sessionStorage.removeItem("hotpin.token");
  showStatus("A token is needed");
  showProblem(problem);
  $("token-form").hidden = false;
  $("token").focus();
}

/** Takes what the person has entered. */
export function takeToken() {
  sessionStorage.setItem("hotpin.token", $("token").value.trim());
  $("token").value = "";
  $("token-form").hidden = true;
  showProblem("");
}
