// Plays samples as they come, without a gap between pieces. Runs on the audio thread.

const START_SECONDS = 0.04; // waits until so much is there, so that a late piece leaves no gap

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.reset();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") {
        if (this.playing) this.port.postMessage("over");
        this.reset();
      } else if (data === "end") {
        this.ended = true;
        if (this.waiting === 0) {
          // All of it was played before it was known to be all: nobody else says that it is over.
          this.port.postMessage("over");
          this.reset();
        }
      } else {
        if (this.ended && this.pieces.length === 0) this.reset();
        this.ended = false;
        this.pieces.push(data);
        this.waiting += data.length;
      }
    };
  }

  reset() {
    this.pieces = [];
    this.at = 0; // in the first piece
    this.waiting = 0; // samples
    this.ended = false;
    this.playing = false;
  }

  process(_inputs, [[channel]]) {
    if (!this.playing && this.waiting > 0 && (this.ended || this.waiting >= START_SECONDS * sampleRate)) {
      this.playing = true;
      this.port.postMessage("sound");
    }
    if (!this.playing) return true;
    let filled = 0;
    while (filled < channel.length && this.pieces.length > 0) {
      const part = this.pieces[0].subarray(this.at, this.at + channel.length - filled);
      channel.set(part, filled);
      filled += part.length;
      this.at += part.length;
      if (this.at === this.pieces[0].length) {
        this.pieces.shift();
        this.at = 0;
      }
    }
    this.waiting -= filled;
    if (this.waiting === 0) {
      this.port.postMessage(this.ended ? "over" : "starved");
      this.playing = false;
      if (this.ended) this.reset();
    }
    return true;
  }
}

registerProcessor("player", Player);
