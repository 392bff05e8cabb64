// The page: what is pressed, what is shown, and when the microphone is sent.

import { Connection } from "/web/connection.js";
import { canRecord, Loudspeaker, Microphone } from "/web/sound.js";

const VOICE_RATE = 24000; // Hz; another one costs a moment at the first reply
const KEPT_BLOCKS = 500; // of 20 ms: what is said before the line is there is not lost
const MOST_ENTRIES = 200;
const SPEECH_LEVEL = 0.02; // of full scale: about -34 dB
const OVER_NOISE = 4; // times louder than the room
const BARGE_IN_MS = 300; // of speech that interrupt a reply

const STATES = {
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
};

const $ = (id) => document.getElementById(id);

const state = {
  handsFree: false,
  listening: false, // hands-free: whether the microphone is sent
  talking: false, // otherwise: whether the button is held
  unsent: false, // an utterance that was over before the line was there
  sounding: false, // whether a reply is being heard
  dropping: false, // what still comes of a reply that was interrupted
  replyOpen: false, // whether more of a reply is to come
  spokenAt: 0, // ms: when the person last spoke
  awaited: false, // whether the next sound is the first after speech
  noise: SPEECH_LEVEL / OVER_NOISE,
  overMs: 0, // of speech over a reply
  early: [], // blocks that wait for the line
  heard: "",
  reply: "",
};

// --- what is kept: the token for this tab, the rest for this browser ---

const remembered = {
  get: (name) => localStorage.getItem(`hotpin.${name}`) ?? "",
  set: (name, value) => localStorage.setItem(`hotpin.${name}`, value),
};
const token = () => sessionStorage.getItem("hotpin.token") ?? "";
const newSession = () => `web-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

// --- what is shown ---

function showStatus(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function showNow(id, who, text) {
  $(id).textContent = text && `${who}: ${text}`;
  $(id).hidden = !text;
  if (text) $(id).scrollIntoView({ block: "end" });
}

function addEntry(kind, who, text) {
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

function showTalk() {
  const pressed = state.handsFree ? state.listening : state.talking;
  $("talk").setAttribute("aria-pressed", String(pressed));
  if (state.handsFree) $("talk").textContent = state.listening ? "Stop listening" : "Start listening";
  else $("talk").textContent = state.talking ? "Release to send" : "Hold to talk";
  $("keys").textContent = state.handsFree
    ? "Just speak. Speak over Hotpin, or press Escape, to interrupt it."
    : "Hold the button or the space bar while you speak. Escape interrupts.";
}

function showInterrupt() {
  $("interrupt").disabled = !(state.sounding || state.replyOpen);
}

/** Ends what is shown of a reply that is being written. */
function settleReply(suffix = "") {
  if (state.reply) addEntry("hotpin", agentName(), state.reply.trim() + suffix);
  state.reply = "";
  showNow("replying", "", "");
}

const agentName = () => ($("agent").value && $("agent").selectedOptions[0].textContent) || "Hotpin";

// --- the loudspeaker ---

const loudspeaker = new Loudspeaker((told) => {
  state.sounding = told === "sound" || (told === "starved" && state.sounding);
  if (told === "sound" && state.awaited) {
    state.awaited = false;
    const seconds = (performance.now() - state.spokenAt) / 1000 + loudspeaker.delay;
    $("latency").textContent = `${state.handsFree ? "about " : ""}${seconds.toFixed(2)} s`;
  }
  if (told === "over") state.overMs = 0;
  showInterrupt();
});

function interrupt() {
  if (!state.sounding && !state.replyOpen) return;
  connection.send({ signal: "cancel" });
  silence();
}

/** Falls silent; what is still on its way of the reply is not played. */
function silence() {
  loudspeaker.clear();
  state.sounding = false;
  state.awaited = false;
  state.dropping = state.replyOpen;
  showInterrupt();
}

// --- the microphone ---

const microphone = new Microphone(takeBlock, () => {
  stopTalking();
  showProblem("The microphone is gone. Plug it in again and press the button.");
});

async function openMicrophone() {
  if (!globalThis.isSecureContext) {
    throw new Error(
      "Browsers give the microphone only to secure pages. Open this page by https:// (hotpin config tls makes a " +
        "certificate), or at http://localhost on the machine that Hotpin runs on."
    );
  }
  if (!canRecord()) throw new Error("This browser gives no microphone to pages. A current Firefox, Chrome or Safari does.");
  try {
    await microphone.open();
  } catch (error) {
    const reasons = {
      NotAllowedError: "The microphone was refused. Allow it for this page in the browser's address bar, then press again.",
      NotFoundError: "There is no microphone. Plug one in, then press again.",
      NotReadableError: "Another program has the microphone. End it, then press again.",
    };
    throw new Error(reasons[error.name] ?? `The microphone cannot be used: ${error.message}`, { cause: error });
  }
}

function takeBlock(block) {
  const samples = new Int16Array(block);
  let power = 0;
  for (const sample of samples) power += sample * sample;
  const level = Math.sqrt(power / samples.length) / 32768;
  $("level").style.transform = `scaleX(${Math.max(0, Math.min(1, 1 + Math.log10(level + 1e-5) / 3))})`;
  noteSpeech(level);
  if (!state.listening && !state.talking) return;
  state.early.push(block);
  if (connection.open) sendEarly();
  else if (state.early.length > KEPT_BLOCKS) state.early.shift();
}

function sendEarly() {
  for (const block of state.early.splice(0)) connection.send(block);
}

/** Notes when the person speaks, by the level alone: the server judges better, but cannot tell when it was here. */
function noteSpeech(level) {
  const speech = level > Math.max(SPEECH_LEVEL, OVER_NOISE * state.noise);
  if (!speech) state.noise += (level - state.noise) * 0.02;
  if (!state.handsFree) return;
  if (speech && !state.sounding) state.spokenAt = performance.now();
  state.overMs = state.sounding && speech ? state.overMs + 20 : Math.max(0, state.overMs - 10);
  if (state.sounding && state.overMs >= BARGE_IN_MS) interrupt();
}

// --- talking ---

async function startTalking() {
  if (state.talking) return;
  state.talking = true;
  state.unsent = false;
  state.early = [];
  showTalk();
  interrupt();
  await begin();
}

function stopTalking() {
  if (!state.talking) return;
  state.talking = false;
  showTalk();
  state.spokenAt = performance.now();
  state.unsent = microphone.ready;
  if (connection.open) sendEnd();
}

/** Says that the person has finished. */
function sendEnd() {
  if (!state.unsent) return;
  sendEarly();
  state.unsent = false;
  state.awaited = state.replyOpen = connection.send({ signal: "EOS" });
  showInterrupt();
}

/** Opens what is needed: the loudspeaker, the microphone, the line. */
async function begin() {
  showProblem("");
  loudspeaker.prepare(VOICE_RATE);
  state.listening = state.handsFree;
  showTalk();
  if (!connection.open && !connection.trying) connect();
  try {
    await openMicrophone();
  } catch (error) {
    state.talking = state.listening = false;
    showTalk();
    showProblem(error.message);
  }
}

function stopListening() {
  state.listening = state.talking = false;
  interrupt();
  microphone.close();
  $("level").style.transform = "";
  showTalk();
}

// --- the line ---

const connection = new Connection(
  () => ({
    session_id: $("session").value,
    events: true,
    vad: state.handsFree,
    ...($("agent").value && { agent: $("agent").value }),
    ...($("voice").value.trim() && { voice: $("voice").value.trim() }),
  }),
  token
);

/** Connects, unless the server wants a token first. */
async function connect() {
  if (!$("session").checkValidity()) {
    $("session").reportValidity();
    return;
  }
  connection.close();
  showStatus("Connecting …");
  if (await agentsKnown()) connection.connect();
}

/** Asks for the personas, which also tells whether the token is right; a server that cannot be reached is tried again. */
async function agentsKnown() {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  try {
    const answer = await fetch("/agents", { headers, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) {
      askForToken(token() ? "That is not this server's token." : "");
      return false;
    }
    if (answer.ok) showAgents(await answer.json());
  } catch {
    // The line says so itself.
  }
  return true;
}

function askForToken(problem) {
  sessionStorage.removeItem("hotpin.token");
  showStatus("A token is needed");
  showProblem(problem);
  $("token-form").hidden = false;
  $("token").focus();
}

function showAgents(agents) {
  const chosen = $("agent").value || remembered.get("agent");
  const voices = new Set(agents.flatMap((agent) => Object.values(agent.voice ?? {})));
  $("agent").replaceChildren($("agent").options[0], ...agents.map((agent) => new Option(agent.name, agent.id)));
  for (const [index, agent] of agents.entries()) $("agent").options[index + 1].title = agent.description ?? "";
  $("agent").value = agents.some((agent) => agent.id === chosen) ? chosen : "";
  $("voices").replaceChildren(...[...voices].sort().map((voice) => new Option(voice, voice)));
  showAbout();
}

function showAbout() {
  $("agent-about").textContent = $("agent").selectedOptions[0]?.title ?? "";
}

connection.addEventListener("open", () => {
  $("token-form").hidden = true;
  showStatus("Ready");
  sendEnd();
});

connection.addEventListener("closed", ({ detail: { code, reason, final, wait } }) => {
  loudspeaker.end();
  settleReply(" …");
  showNow("hearing", "", "");
  state.replyOpen = state.dropping = state.awaited = false;
  state.talking = false;
  showTalk();
  showInterrupt();
  if (final) {
    showStatus("Not connected");
    if (reason.includes("token")) askForToken("That is not this server's token.");
    else showProblem(`The server has ended the connection: ${reason || `code ${code}`}.`);
  } else {
    showStatus(`Connection lost${reason && ` (${reason})`}. Trying again in ${Math.max(1, Math.round(wait / 1000))} s …`);
  }
});

connection.addEventListener("retry", connect);

connection.addEventListener("audio", ({ detail }) => {
  if (!state.dropping) {
    state.replyOpen = true;
    loudspeaker.push(detail);
    showInterrupt();
  }
});

connection.addEventListener("told", ({ detail }) => {
  const told = {
    status: ({ status }) => tellStatus(status),
    transcript: tellWords,
    reply: ({ delta }) => {
      state.reply += delta;
      showNow("replying", agentName(), state.reply);
    },
    audio_end: () => {
      if (state.dropping) loudspeaker.reset();
      else loudspeaker.end();
      state.replyOpen = state.dropping = false;
      settleReply();
      showInterrupt();
    },
    interrupted: () => {
      silence();
      settleReply(" …");
    },
    error: ({ message, retryable }) => showProblem(retryable ? `${message}. You can try again.` : message),
  }[detail.type];
  told?.(detail);
});

function tellStatus(status) {
  if (STATES[status]) showStatus(status === "listening" && !state.handsFree ? "Ready" : STATES[status]);
  if (status !== "thinking") return;
  state.dropping = false; // that reply is over, even if nobody said so
  state.awaited = state.replyOpen = true;
  showInterrupt();
}

function tellWords({ text, is_final: final }) {
  showNow("hearing", "You", final ? "" : text);
  if (!final) return;
  showProblem("");
  if (text) addEntry("you", "You", text);
  else if (!state.handsFree) showProblem("No words were heard.");
}

// --- what is pressed ---

$("talk").addEventListener("pointerdown", (event) => {
  if (state.handsFree || event.button !== 0) return;
  $("talk").setPointerCapture(event.pointerId);
  startTalking();
});
for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) $("talk").addEventListener(name, stopTalking);
$("talk").addEventListener("contextmenu", (event) => event.preventDefault());
$("talk").addEventListener("click", (event) => {
  if (state.handsFree) {
    if (state.listening) stopListening();
    else begin();
  } else if (event.detail === 0 && !event.pointerType) {
    // Neither a pointer nor a key, which are handled as they go down: a screen reader presses and lets go.
    if (state.talking) stopTalking();
    else startTalking();
  }
});

const isTyping = (element) => element.closest("input, select, textarea, summary, button:not(#talk), [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") interrupt();
  const talkKey = event.key === " " || (event.key === "Enter" && event.target === $("talk"));
  if (!talkKey || state.handsFree || isTyping(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) startTalking();
});
document.addEventListener("keyup", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  if (event.target === $("talk") && !state.handsFree) event.preventDefault();
  stopTalking();
});
globalThis.addEventListener("blur", stopTalking);

$("interrupt").addEventListener("click", interrupt);

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("hotpin.token", $("token").value.trim());
  $("token").value = "";
  $("token-form").hidden = true;
  showProblem("");
  connect();
});

$("hands-free").addEventListener("change", () => {
  state.handsFree = $("hands-free").checked;
  remembered.set("hands-free", state.handsFree ? "yes" : "");
  stopListening();
  connect();
});

for (const name of ["agent", "voice", "session"]) {
  $(name).addEventListener("change", () => {
    if (!$(name).checkValidity()) return;
    remembered.set(name, $(name).value);
    showAbout();
    if (name === "session") $("conversation").replaceChildren();
    silence();
    connect();
  });
}

$("new-session").addEventListener("click", () => {
  $("session").value = newSession();
  $("session").dispatchEvent(new Event("change"));
});

// --- the beginning ---

$("session").value = remembered.get("session") || newSession();
remembered.set("session", $("session").value);
$("voice").value = remembered.get("voice");
$("hands-free").checked = state.handsFree = remembered.get("hands-free") === "yes";
showTalk();
if (!globalThis.isSecureContext) openMicrophone().catch((error) => showProblem(error.message));
connect();
