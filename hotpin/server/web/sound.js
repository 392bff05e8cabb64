// The microphone and the loudspeaker.

const WAV_RATE_AT = 24;
const FULL_SCALE = 32768;

const SPEECH_LEVEL = 0.02; // of full scale: about -34 dB
const OVER_NOISE = 4; // times louder than the room

const REASONS = {
  NotAllowedError: "The microphone was refused. Allow it in the browser's address bar, then press again.",
  NotFoundError: "There is no microphone. Plug one in, then press again.",
  NotReadableError: "Another program has the microphone. End it, then press again.",
};

/** Says why there can be no microphone, whatever the person allows; empty if there can. */
function obstacle() {
  if (!globalThis.isSecureContext) {
    return (
      "Browsers give the microphone only to secure pages. Open this page by https:// (hotpin config tls makes a " +
      "certificate), or at http://localhost on the machine that Hotpin runs on."
    );
  }
  return navigator.mediaDevices?.getUserMedia
    ? ""
    : "This browser gives pages no microphone. A current Firefox, Chrome or Safari does.";
}

/** Tells speech by its level alone. */
export class SpeechMeter {
  constructor() {
    this.level = 0; // of full scale
    this.noise = SPEECH_LEVEL / OVER_NOISE;
  }

  /** Whether a block of the microphone may be speech. */
  hears(block) {
    const samples = new Int16Array(block);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0);
    this.level = Math.sqrt(power / samples.length) / FULL_SCALE;
    const speech = this.level > Math.max(SPEECH_LEVEL, OVER_NOISE * this.noise);
    if (!speech) this.noise += (this.level - this.noise) * 0.02;
    return speech;
  }
}

/** The microphone: gives blocks of 20 ms, 16 kHz, 16-bit, mono, as ArrayBuffers. */
export class Microphone {
  constructor(take, lost) {
    this.take = take;
    this.lost = lost;
    this.opening = null;
  }

  /** Asks for the microphone, once; all callers wait for the same answer. An error says what the person can do. */
  open() {
    this.opening ??= this.start().catch((error) => {
      this.close();
      throw new Error(REASONS[error.name] ?? error.message, { cause: error });
    });
    return this.opening;
  }

  async start() {
    if (obstacle()) throw new Error(obstacle());
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    for (const track of this.stream.getTracks()) {
      track.onended = () => {
        this.close();
        this.lost();
      };
    }
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/web/capture-worklet.js");
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    await this.context.resume();
  }

  /** Whether blocks come. */
  get ready() {
    return Boolean(this.node);
  }

  close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close().catch(() => {});
    this.stream = this.context = this.node = null;
    this.opening = null;
  }
}

/** The loudspeaker: plays WAV files that arrive in pieces. */
export class Loudspeaker {
  constructor(told) {
    this.told = told; // gets "sound", "starved" and "over"
    this.busy = false; // whether there is something to be heard
    this.context = null;
    this.node = null;
    this.making = Promise.resolve();
    this.cleared = 0; // so that nothing from before is played
    this.reset();
  }

  reset() {
    this.head = new Uint8Array(0);
    this.data = false; // whether the header is over
    this.odd = null; // half a sample
  }

  /** Takes the next bytes of a reply. */
  push(buffer) {
    let bytes = new Uint8Array(buffer);
    if (!this.data) {
      bytes = joined(this.head, bytes);
      const start = samplesStart(bytes);
      if (start < 0) {
        this.head = bytes;
        return;
      }
      this.data = true;
      this.prepare(new DataView(bytes.buffer).getUint32(WAV_RATE_AT, true));
      bytes = bytes.subarray(start);
    }
    if (this.odd) bytes = joined(this.odd, bytes);
    this.odd = bytes.length % 2 ? bytes.slice(-1) : null;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const count = Math.floor(bytes.length / 2);
    if (count === 0) return;
    this.busy = true;
    this.post(Float32Array.from({ length: count }, (_, i) => view.getInt16(2 * i, true) / FULL_SCALE));
  }

  /** The reply is complete; what follows is another one. */
  end() {
    if (this.data) this.post("end");
    this.reset();
  }

  /** Falls silent at once. */
  clear() {
    this.reset();
    this.cleared += 1;
    this.busy = false;
    this.node?.port.postMessage("clear");
  }

  /** Makes ready to play at a rate. A browser allows sound only after a key or a click: call it in one. */
  prepare(rate) {
    if (this.context?.sampleRate === rate) {
      this.context.resume();
      return;
    }
    this.context?.close().catch(() => {});
    this.node = null;
    const context = (this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" }));
    context.resume();
    this.making = context.audioWorklet.addModule("/web/player-worklet.js").then(() => {
      if (this.context !== context) return;
      this.node = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
      this.node.port.onmessage = ({ data }) => {
        if (data === "over") this.busy = false;
        this.told(data);
      };
      this.node.connect(context.destination);
    });
  }

  /** Seconds from the player to the ear, as far as the browser knows. */
  get delay() {
    return this.context ? this.context.outputLatency || this.context.baseLatency || 0 : 0;
  }

  post(message) {
    const before = this.cleared;
    this.making = this.making.then(() => {
      if (before === this.cleared) this.node?.port.postMessage(message);
    });
  }
}

function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** Where the samples of a WAV begin; -1 as long as that has not arrived. */
function samplesStart(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 12;
  while (at + 8 <= bytes.length) {
    if (view.getUint32(at) === 0x64617461) return at + 8; // "data"
    at += 8 + view.getUint32(at + 4, true);
  }
  return -1;
}
