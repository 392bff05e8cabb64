// The microphone's sound as 16 kHz, 16-bit, mono: what the server wants. Runs on the audio thread.

const RATE = 16000;
const BLOCK = 320; // samples in one message: 20 ms
const LOBES = 24; // of the filter, on each side: more make it steeper

const greatestCommonDivisor = (a, b) => (b ? greatestCommonDivisor(b, a % b) : a);

/** Changes the rate of a stream by a windowed sinc, so that nothing above the new limit folds back into speech. */
export class Resampler {
  constructor(rateIn, rateOut) {
    const divisor = greatestCommonDivisor(rateIn, rateOut);
    this.up = rateOut / divisor;
    this.down = rateIn / divisor;
    const cutoff = Math.min(1, rateOut / rateIn) * 0.94;
    this.half = Math.ceil(LOBES / cutoff);
    this.filters = Array.from({ length: this.up }, (_, phase) => this.filter(phase / this.up, cutoff));
    this.history = new Float32Array(2 * this.half);
    this.phase = 0; // of the next sample, in parts of an input sample
    this.skip = 0; // input samples to pass over before it
  }

  /** Weights of the input samples around one that lies `fraction` of a sample behind the middle. */
  filter(fraction, cutoff) {
    const weights = Float32Array.from({ length: 2 * this.half }, (_, index) => {
      const distance = index - this.half + 1 - fraction;
      const x = Math.PI * distance * cutoff;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / (this.half + 1));
      return (x === 0 ? 1 : Math.sin(x) / x) * window;
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  }

  /** Takes samples and gives those that are ready. */
  push(samples) {
    const data = new Float32Array(this.history.length + samples.length);
    data.set(this.history);
    data.set(samples, this.history.length);
    const out = [];
    let at = this.skip;
    while (at + 2 * this.half <= data.length) {
      const filter = this.filters[this.phase];
      let sum = 0;
      for (let index = 0; index < filter.length; index += 1) sum += filter[index] * data[at + index];
      out.push(sum);
      const next = this.phase + this.down;
      at += Math.floor(next / this.up);
      this.phase = next % this.up;
    }
    const kept = Math.min(at, data.length);
    this.skip = at - kept;
    this.history = data.slice(kept);
    return out;
  }
}

class Capture extends (globalThis.AudioWorkletProcessor ?? Object) {
  constructor() {
    super();
    this.resampler = sampleRate === RATE ? null : new Resampler(sampleRate, RATE);
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }

  process([channels]) {
    if (channels.length === 0) return true;
    const count = channels.length;
    const mean = (_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / count;
    const mono = count === 1 ? channels[0] : channels[0].map(mean);
    for (const value of this.resampler ? this.resampler.push(mono) : mono) {
      this.block[this.filled] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      this.filled += 1;
      if (this.filled === BLOCK) {
        this.port.postMessage(this.block.buffer, [this.block.buffer]);
        this.block = new Int16Array(BLOCK);
        this.filled = 0;
      }
    }
    return true;
  }
}

if (globalThis.registerProcessor) registerProcessor("capture", Capture);
