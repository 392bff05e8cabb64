// The page: what is pressed, when the microphone is sent, and what the server says.

import { agentsKnown, askForToken, newSession, remembered, takeToken, token, WRONG_TOKEN } from "/web/access.js";
import { Connection } from "/web/connection.js";
import { Loudspeaker, Microphone, SpeechMeter } from "/web/sound.js";
import {
  $, addEntry, agentName, cutEntry, showAbout, showLevel, showNow, showProblem, showState, showStatus, showTalkButton,
} from "/web/view.js";

const VOICE_RATE = 24000; // Hz; another one costs a moment at the first reply
const KEPT_BLOCKS = 500; // of 20 ms: what is said before the line is there is not lost
const BARGE_IN_MS = 300; // of speech that interrupt a reply

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
  overMs: 0, // of speech over a reply
  early: [], // blocks that wait for the line
  reply: "",
};

/** Ends what is shown of a reply that is being written. */
function settleReply(suffix = "") {
  if (state.reply) addEntry("hotpin", agentName(), state.reply.trim() + suffix);
  state.reply = "";
  showNow("replying", "", "");
}

const showTalk = () => showTalkButton(state);
const replying = () => state.sounding || loudspeaker.busy || state.replyOpen;
const showInterrupt = () => ($("interrupt").disabled = !replying());

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
  if (!replying()) return;
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

const meter = new SpeechMeter();
const microphone = new Microphone(takeBlock, () => {
  stopTalking();
  showProblem("The microphone is gone. Plug it in again and press the button.");
});

function takeBlock(block) {
  const speech = meter.hears(block);
  showLevel(meter.level);
  if (state.handsFree) noteSpeech(speech);
  if (!state.listening && !state.talking) return;
  state.early.push(block);
  if (connection.open) sendEarly();
  else if (state.early.length > KEPT_BLOCKS) state.early.shift();
}

function sendEarly() {
  for (const block of state.early.splice(0)) connection.send(block);
}

/** Notes when the person speaks: the server judges better, but cannot tell when it was here. */
function noteSpeech(speech) {
  if (speech && !state.sounding) state.spokenAt = performance.now();
  state.overMs = state.sounding && speech ? state.overMs + 20 : Math.max(0, state.overMs - 10);
  if (state.overMs >= BARGE_IN_MS) interrupt();
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
    await microphone.open();
    showIdle();
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
  showLevel(0);
  showTalk();
  showIdle();
}

/** Shows what is the case while nobody speaks; the server only tells of changes. */
function showIdle() {
  if (connection.open && !replying()) showState(state.listening ? "listening" : "ready");
}

// --- the line ---

const connection = new Connection(
  () => ({
    session_id: $("session").value,
    events: true,
    vad: state.handsFree,
    ...(state.handsFree && { echo_cancelled: true }), // by the browser
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
  loudspeaker.end();
  settleReply(" …");
  state.replyOpen = state.dropping = state.awaited = false;
  showStatus("Connecting …");
  if (await agentsKnown()) connection.connect();
}

connection.addEventListener("open", () => {
  $("token-form").hidden = true;
  showIdle();
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
    if (reason.includes("token")) askForToken(WRONG_TOKEN);
    else showProblem(`The server has ended the connection: ${reason || `code ${code}`}.`);
  } else {
    const seconds = Math.max(1, Math.round(wait / 1000));
    showStatus(`Connection lost${reason && ` (${reason})`}. Trying again in ${seconds} s …`);
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
    interrupted: ({ spoken }) => {
      silence();
      settleReply();
      cutEntry(spoken);
    },
    error: ({ message, retryable }) => showProblem(retryable ? `${message}. You can try again.` : message),
  }[detail.type];
  told?.(detail);
});

function tellStatus(status) {
  showState(status === "listening" && !state.listening ? "ready" : status);
  if (status === "thinking") state.awaited = true;
  if (status === "thinking" || status === "listening") {
    state.dropping = false; // the reply before is over, even if nobody said so
    state.replyOpen = status === "thinking";
  }
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
  takeToken();
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
if (!globalThis.isSecureContext) microphone.open().catch((error) => showProblem(error.message));
connect();
