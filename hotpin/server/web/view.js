// What is shown.

const MOST_ENTRIES = 200;

const STATES = {
  ready: "Ready",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
};

export const $ = (id) => document.getElementById(id);

export const agentName = () => ($("agent").value && $("agent").selectedOptions[0].textContent) || "Hotpin";

export function showStatus(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

export function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

export function showNow(id, who, text) {
  $(id).textContent = text && `${who}: ${text}`;
  $(id).hidden = !text;
  if (text) $(id).scrollIntoView({ block: "end" });
}

export function addEntry(kind, who, text) {
  const name = document.createElement("span");
  name.className = "who";
  name.textContent = `${who}: `;
  const entry = document.createElement("p");
  entry.className = kind;
  entry.append(name, text);
  $("conversation").append(entry);
  while ($("conversation").childElementCount > MOST_ENTRIES) $("conversation").firstElementChild.remove();
  entry.scrollIntoView({ block: "end" });
}

/** Leaves of the reply that stands last what was heard of it. */
export function cutEntry(spoken) {
  const entry = $("conversation").lastElementChild;
  if (entry?.classList.contains("hotpin")) entry.lastChild.textContent = `${spoken ?? entry.lastChild.textContent} …`;
}

/** Shows whose turn it is; a state that is not known changes nothing. */
export function showState(name) {
  if (STATES[name]) showStatus(STATES[name]);
}

/** Shows how loud the microphone is, from 0 to 1, on a scale of 60 dB. */
export function showLevel(level) {
  $("level").style.transform = `scaleX(${Math.max(0, Math.min(1, 1 + Math.log10(level + 1e-5) / 3))})`;
}

export function showTalkButton(state) {
  const pressed = state.handsFree ? state.listening : state.talking;
  $("talk").setAttribute("aria-pressed", String(pressed));
  if (state.handsFree) $("talk").textContent = state.listening ? "Stop listening" : "Start listening";
  else $("talk").textContent = state.talking ? "Release to send" : "Hold to talk";
  $("keys").textContent = state.handsFree
    ? "Just speak. Speak over Hotpin, or press Escape, to interrupt it."
    : "Hold the button or the space bar while you speak. Escape interrupts.";
}

export function showAgents(agents, remembered) {
  const chosen = $("agent").value || remembered;
  const voices = new Set(agents.flatMap((agent) => agent.voices ?? []));
  $("agent").replaceChildren($("agent").options[0], ...agents.map((agent) => new Option(agent.name, agent.id)));
  for (const [index, agent] of agents.entries()) $("agent").options[index + 1].title = agent.description ?? "";
  $("agent").value = agents.some((agent) => agent.id === chosen) ? chosen : "";
  $("voices").replaceChildren(...[...voices].sort().map((voice) => new Option(voice, voice)));
  showAbout();
}

export function showAbout() {
  $("agent-about").textContent = $("agent").selectedOptions[0]?.title ?? "";
}
