// The microphone and the loudspeaker.

const WAV_RATE_AT = 24;
const FULL_SCALE = 32768;

export const canRecord = () => Boolean(globalThis.isSecureContext && navigator.mediaDevices?.getUserMedia);

/** The microphone: gives blocks of 20 ms, 16 kHz, 16-bit, mono, as ArrayBuffers. */
export class Microphone {
  constructor(take, lost) {
    this.take = take;
    this.lost = lost;
    this.opening = null;
  }

  /** Asks for the microphone, once; all callers wait for the same answer. */
  open() {
    this.opening ??= this.start().catch((error) => {
      this.close();
      throw error;
    });
    return this.opening;
  }

  async start() {
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
    this.told = told; // gets "sound" and "over"
    this.context = null;
    this.node = null;
    this.making = Promise.resolve();
    this.reset();
  }

  reset() {
    this.head = new Uint8Array(0);
    this.data = false; // whether the header is over
    this.odd = null; // half a sample
    this.wav = (this.wav ?? 0) + 1; // so that nothing of an older reply is played
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
      this.node.port.onmessage = ({ data }) => this.told(data);
      this.node.connect(context.destination);
    });
  }

  /** Seconds from the player to the ear, as far as the browser knows. */
  get delay() {
    return this.context ? this.context.outputLatency || this.context.baseLatency || 0 : 0;
  }

  post(message) {
    const wav = this.wav;
    this.making = this.making.then(() => {
      if (wav === this.wav || message === "end") this.node?.port.postMessage(message);
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
