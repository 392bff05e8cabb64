// The WebSocket to the server: handshake, token, and coming back after it was cut.

const FIRST_WAIT = 500; // ms; doubled at each attempt
const LONGEST_WAIT = 15000; // ms
const STABLE = 5000; // ms after which a connection counts as good
const MOST_WAITING = 640000; // bytes that may wait to be sent: 20 s of sound

const POLICY = 1008;
const UNSUPPORTED = 1003;
const TAKEN_OVER = 4409;
const FINAL = new Set([POLICY, UNSUPPORTED, TAKEN_OVER]);

/** Whether a token can stand among the subprotocols, which are all that a page can send with a WebSocket. */
const fitsSubprotocol = (token) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(token);

export class Connection extends EventTarget {
  constructor(hello, token) {
    super();
    this.hello = hello; // gives the first message
    this.token = token; // gives the token, or nothing
    this.socket = null;
    this.timer = 0;
    this.attempt = 0;
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Whether it is about to be open. */
  get trying() {
    return this.socket !== null;
  }

  /** Connects, or does so anew. */
  connect() {
    this.close();
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = this.token();
    const offered = token && fitsSubprotocol(token) ? ["hotpin", `token.${token}`] : ["hotpin"];
    const socket = (this.socket = new WebSocket(url, offered));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      socket.send(JSON.stringify(token && offered.length === 1 ? { ...this.hello(), token } : this.hello()));
      this.opened = performance.now();
      this.tell("open");
    };
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      if (typeof data === "string") this.tell("told", JSON.parse(data));
      else this.tell("audio", data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (this.opened && performance.now() - this.opened > STABLE) this.attempt = 0;
      this.opened = 0;
      const final = FINAL.has(code);
      const wait = final ? 0 : this.retry();
      this.tell("closed", { code, reason, final, wait });
    };
  }

  retry() {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.attempt) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.timer = setTimeout(() => this.tell("retry"), wait);
    return wait;
  }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }

  /** Sends, or drops what the line cannot take; tells whether it was sent. */
  send(message) {
    if (!this.open || this.socket.bufferedAmount > MOST_WAITING) return false;
    this.socket.send(message instanceof ArrayBuffer ? message : JSON.stringify(message));
    return true;
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
