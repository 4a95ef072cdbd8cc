/**
 * Proxy handshakes in clear: SOCKS 4, 4a and 5, and HTTP CONNECT. Finds the target that a handshake asks for, and where in
 * each direction's stream the payload behind it begins, so that this payload is judged as if it went to the target
 * directly.
 *
 * {@link unwrap} reads both streams from their starts and is called again as they grow. It keeps nothing between calls but
 * the {@link ProxyTarget} that the caller hands in, and allocates nothing. "Opener" is the side that opened the TCP flow
 * and asks, "responder" is the proxy.
 *
 * Sources: RFC 1928 and 1929 (SOCKS 5 and its password step), the SOCKS 4 and 4A notes of NEC and Ylonen, RFC 9110 section
 * 9.3.6 (CONNECT).
 * @module
 */
import { HOST_ADDRESS, HOST_NAME, HostText } from "./host_text.ts";
import { HttpHead, REQUEST, RESPONSE } from "./http.ts";

/** The target of a flow through a proxy. The address is all 0 where only a name was given. */
export interface Target {
  /** Address of the target. */
  readonly words: readonly [number, number, number, number];
  /** Port of the target. */
  readonly port: number;
  /** Name in lower case; empty where an address was given. */
  readonly name: string;
}

/** No proxy handshake, or one that encrypts what follows (GSSAPI): do not call again. */
export const NOT_PROXY = 0;
/** It may be one: call again with more bytes. */
export const NEED_MORE = 1;
/** The target and the opener's payload are known, the proxy's answer is not complete yet. */
export const TARGET = 2;
/** All known. */
export const UNWRAPPED = 3;
/** The target is known and the proxy refused to connect to it. */
export const DENIED = 4;
/** What {@link unwrap} answers. */
export type ProxyState = 0 | 1 | 2 | 3 | 4;

/** Kind of proxy: none yet. */
const NO_KIND = 0;
/** Kind of proxy: SOCKS 4 or 4a. */
export const SOCKS4 = 4;
/** Kind of proxy: SOCKS 5. */
export const SOCKS5 = 5;
/** Kind of proxy: HTTP CONNECT. */
export const CONNECT = 8;
/** Which protocol the opener spoke to the proxy. */
export type ProxyKind = 0 | 4 | 5 | 8;

/** Command: connect to the target. */
export const TO_CONNECT = 1;
/** Command: let the target connect to the proxy (SOCKS). */
export const TO_BIND = 2;
/** Command: relay datagrams (SOCKS 5); the words are then the relay's endpoint, once the proxy named it. */
export const TO_RELAY = 3;

/** Most requests read on one connection: the first CONNECT is often answered with 407, which asks for a login. */
const REQUESTS_MOST = 3;
/** Longest user name or name that SOCKS 4 ends with a NUL. */
const TEXT_MOST = 255;
const SOCKS4_HEAD = 8;

const head = new HttpHead();
const host = new HostText();

/** What a handshake asks for; one reused object, written by {@link unwrap}. */
export class ProxyTarget {
  /** Which protocol. */
  kind: ProxyKind = NO_KIND;
  /** Command: TO_CONNECT, TO_BIND or TO_RELAY. */
  command = 0;
  /** First word of the target's address (IPv4 mapped); all four are 0 where only a name was given. */
  w0 = 0;
  /** Second word. */
  w1 = 0;
  /** Third word. */
  w2 = 0;
  /** Fourth word. */
  w3 = 0;
  /** The target's port. */
  port = 0;
  /** Where the target's name begins in the opener's bytes; equal to `nameEnd` where an address was given. */
  nameStart = 0;
  /** One past the name. */
  nameEnd = 0;
  /** Bytes of the opener's stream before its payload. */
  openerInner = 0;
  /** Bytes of the responder's stream before its payload; -1 while the proxy's answer is not whole. */
  responderInner = -1;

  /** Forgets all. */
  clear(): void {
    this.kind = NO_KIND;
    this.command = this.port = 0;
    this.w0 =
      this.w1 =
      this.w2 =
      this.w3 =
        0;
    this.nameStart = this.nameEnd = this.openerInner = 0;
    this.responderInner = -1;
  }

  /** True where an address is known. */
  get hasAddress(): boolean {
    return (this.w0 | this.w1 | this.w2 | this.w3) !== 0;
  }

  /** Takes a host that was read. */
  take(read: HostText): void {
    this.w0 = read.w0;
    this.w1 = read.w1;
    this.w2 = read.w2;
    this.w3 = read.w3;
    this.nameStart = read.nameStart;
    this.nameEnd = read.nameEnd;
  }
}

/**
 * Reads both streams from their starts. The responder's may be empty (`responderStart === responderEnd`): clients may send
 * the whole handshake, and payload behind it, before the proxy answers.
 */
export function unwrap(
  opener: Uint8Array,
  openerStart: number,
  openerEnd: number,
  responder: Uint8Array,
  responderStart: number,
  responderEnd: number,
  target: ProxyTarget,
): ProxyState {
  target.clear();
  if (openerStart >= openerEnd) return responderStart < responderEnd ? NOT_PROXY : NEED_MORE;
  switch (opener[openerStart]) {
    case 0x04:
      return socks4(opener, openerStart, openerEnd, responder, responderStart, responderEnd, target);
    case 0x05:
      return socks5(opener, openerStart, openerEnd, responder, responderStart, responderEnd, target);
    case 0x43:
      return connect(opener, openerStart, openerEnd, responder, responderStart, responderEnd, target);
    default:
      return NOT_PROXY;
  }
}

/** 04, command, port, IPv4, user, NUL; 4a: IPv4 is 0.0.0.x, and a name and NUL follow. Answer: 00, 5A, port, IPv4. */
function socks4(
  opener: Uint8Array,
  start: number,
  end: number,
  responder: Uint8Array,
  responderStart: number,
  responderEnd: number,
  target: ProxyTarget,
): ProxyState {
  if (start + 1 < end && opener[start + 1] !== TO_CONNECT && opener[start + 1] !== TO_BIND) return NOT_PROXY;
  if (responderStart < responderEnd && responder[responderStart] !== 0) return NOT_PROXY;
  // No port is 0. Without this rule any binary frame of small numbers would be taken for a request and wait for its NUL.
  if (start + 3 < end && opener[start + 2] === 0 && opener[start + 3] === 0) return NOT_PROXY;
  const user = start + SOCKS4_HEAD;
  if (user >= end) return NEED_MORE;
  let at = textEnd(opener, user, end);
  if (at < 0) return NOT_PROXY;
  if (at === end) return NEED_MORE;
  const word = opener[start + 4]! << 24 | opener[start + 5]! << 16 | opener[start + 6]! << 8 | opener[start + 7]!;
  if (word >>> 8 === 0 && word !== 0) {
    const name = at + 1;
    at = textEnd(opener, name, end);
    if (at < 0 || at === name && at < end) return NOT_PROXY;
    if (at === end) return NEED_MORE;
    host.readHost(opener, name, at);
    target.take(host);
  } else {
    target.w2 = 0xffff;
    target.w3 = word;
  }
  target.kind = SOCKS4;
  target.command = opener[start + 1]!;
  target.port = opener[start + 2]! << 8 | opener[start + 3]!;
  target.openerInner = at + 1 - start;
  // A BIND is answered twice: when the proxy listens, and when the target has come.
  const whole = target.command === TO_BIND ? SOCKS4_HEAD * 2 : SOCKS4_HEAD;
  if (responderEnd - responderStart < 2) return TARGET;
  if (responder[responderStart + 1] !== 0x5a) {
    return isSocks4Denial(responder[responderStart + 1]!) ? DENIED : NOT_PROXY;
  }
  if (responderEnd - responderStart < whole) return TARGET;
  target.responderInner = whole;
  return UNWRAPPED;
}

function isSocks4Denial(code: number): boolean {
  return code >= 0x5b && code <= 0x5d;
}

/** Greeting and choice of method, perhaps user and password, request and answer (RFC 1928, RFC 1929). */
function socks5(
  opener: Uint8Array,
  start: number,
  end: number,
  responder: Uint8Array,
  responderStart: number,
  responderEnd: number,
  target: ProxyTarget,
): ProxyState {
  const answered = responderEnd - responderStart;
  if (answered > 0 && responder[responderStart] !== 5) return NOT_PROXY;
  const method = answered > 1 ? responder[responderStart + 1]! : -1;
  // Only the methods "no authentication" and "password" leave the rest in clear; 0xFF is a refusal.
  if (method > 0 && method !== 2) return NOT_PROXY;
  if (start + 1 >= end) return NEED_MORE;
  const methods = opener[start + 1]!;
  if (methods === 0) return NOT_PROXY;
  let clear = false;
  for (let at = start + 2; at < Math.min(end, start + 2 + methods); at++) {
    if (opener[at] === 0 || opener[at] === 2) clear = true;
  }
  let at = start + 2 + methods;
  if (at <= end && !clear) return NOT_PROXY;
  if (at >= end) return NEED_MORE;
  let answer = 2;
  // The password step begins with its own version 1, a request with 5: no need to wait for the proxy's choice.
  if (opener[at] === 1) {
    if (method === 0) return NOT_PROXY;
    if (at + 1 >= end) return NEED_MORE;
    const password = at + 2 + opener[at + 1]!;
    if (password >= end) return NEED_MORE;
    at = password + 1 + opener[password]!;
    if (answered > 2 && responder[responderStart + 2] !== 1) return NOT_PROXY;
    if (answered > 3 && responder[responderStart + 3] !== 0) return NOT_PROXY;
    answer = 4;
    if (at >= end) return NEED_MORE;
  } else if (method === 2) return NOT_PROXY;
  if (opener[at] !== 5) return NOT_PROXY;
  if (at + 3 >= end) return NEED_MORE;
  const command = opener[at + 1]!;
  if (command < TO_CONNECT || command > TO_RELAY || opener[at + 2] !== 0) return NOT_PROXY;
  const inner = socks5Endpoint(opener, at + 3, end, target);
  if (inner < 0) return inner === BROKEN ? NOT_PROXY : NEED_MORE;
  target.kind = SOCKS5;
  target.command = command;
  target.openerInner = inner - start;
  // For a relay this is the address that the opener will send from, not a target.
  if (command === TO_RELAY) forgetEndpoint(target);

  let reply = responderStart + answer;
  for (let left = command === TO_BIND ? 2 : 1; left > 0; left--) {
    if (reply + 1 >= responderEnd) return TARGET;
    if (responder[reply] !== 5) return NOT_PROXY;
    if (responder[reply + 1] !== 0) return DENIED;
    if (reply + 3 >= responderEnd) return TARGET;
    reply = socks5Endpoint(responder, reply + 3, responderEnd, command === TO_RELAY ? target : unused);
    if (reply < 0) return reply === BROKEN ? NOT_PROXY : TARGET;
  }
  if (command === TO_RELAY) target.nameStart = target.nameEnd = 0;
  target.responderInner = reply - responderStart;
  return UNWRAPPED;
}

const BROKEN = -1;
/** More bytes are needed. */
const SHORT = -2;
const unused = new ProxyTarget();

function forgetEndpoint(target: ProxyTarget): void {
  target.w0 =
    target.w1 =
    target.w2 =
    target.w3 =
    target.port =
    target.nameStart =
    target.nameEnd =
      0;
}

/** Reads type, address and port at `at` into the target; the offset behind them, BROKEN or SHORT. */
function socks5Endpoint(bytes: Uint8Array, at: number, end: number, target: ProxyTarget): number {
  if (at >= end) return SHORT;
  let address = at + 1;
  let port: number;
  switch (bytes[at]) {
    case 1:
      port = address + 4;
      if (port + 2 > end) return SHORT;
      forgetEndpoint(target);
      target.w2 = 0xffff;
      target.w3 = word(bytes, address);
      break;
    case 3:
      if (address >= end) return SHORT;
      port = address + 1 + bytes[address]!;
      address++;
      if (port === address) return BROKEN;
      if (port + 2 > end) return SHORT;
      // Some clients put an address as text into the name: it is taken as an address.
      host.readHost(bytes, address, port);
      target.take(host);
      break;
    case 4:
      port = address + 16;
      if (port + 2 > end) return SHORT;
      forgetEndpoint(target);
      target.w0 = word(bytes, address);
      target.w1 = word(bytes, address + 4);
      target.w2 = word(bytes, address + 8);
      target.w3 = word(bytes, address + 12);
      break;
    default:
      return BROKEN;
  }
  target.port = bytes[port]! << 8 | bytes[port + 1]!;
  return port + 2;
}

/** `CONNECT host:port HTTP/1.1`, headers, blank line; the same again with a login where the answer was 407. */
function connect(
  opener: Uint8Array,
  start: number,
  end: number,
  responder: Uint8Array,
  responderStart: number,
  responderEnd: number,
  target: ProxyTarget,
): ProxyState {
  if (end - start < 8) return startsSo(opener, start, end) ? NEED_MORE : NOT_PROXY;
  if (!startsSo(opener, start, end)) return NOT_PROXY;
  let request = start;
  let answer = responderStart;
  let state: ProxyState = NEED_MORE;
  for (let round = 0; round < REQUESTS_MOST; round++) {
    if (request >= end) return state;
    const kind = head.read(opener, request, end);
    if (!head.lineComplete) return request === start ? NEED_MORE : state;
    if (kind !== REQUEST || !head.methodIs("CONNECT")) return round === 0 ? NOT_PROXY : state;
    const named = host.read(opener, head.target, head.targetEnd);
    if (named !== HOST_ADDRESS && named !== HOST_NAME || host.port === 0) return NOT_PROXY;
    request = head.findBody();
    if (request < 0) return round === 0 ? NEED_MORE : state;
    target.take(host);
    target.kind = CONNECT;
    target.command = TO_CONNECT;
    target.port = host.port;
    target.openerInner = request - start;
    target.responderInner = -1;
    state = TARGET;

    do {
      if (answer >= responderEnd) return state;
      const status = head.read(responder, answer, responderEnd);
      if (!head.lineComplete) return status === RESPONSE || responderEnd - answer < 16 ? state : NOT_PROXY;
      if (status !== RESPONSE) return NOT_PROXY;
      answer = head.findBody();
      if (answer < 0) return state;
    } while (head.status < 200);
    if (head.status < 300) {
      target.responderInner = answer - responderStart;
      return UNWRAPPED;
    }
    state = DENIED;
    if (head.status !== 407) return state;
    answer += contentLength(responder);
  }
  return state;
}

const CONNECT_WORD = [0x43, 0x4f, 0x4e, 0x4e, 0x45, 0x43, 0x54, 0x20] as const;

function startsSo(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = 0; i < CONNECT_WORD.length && start + i < end; i++) {
    if (bytes[start + i] !== CONNECT_WORD[i]) return false;
  }
  return true;
}

/** The Content-Length of the head at hand, 0 where it names none that can be read. */
function contentLength(bytes: Uint8Array): number {
  if (!head.find("content-length")) return 0;
  let length = 0;
  for (let at = head.value; at < head.valueEnd; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9 || length > 0xffff) return 0;
    length = length * 10 + digit;
  }
  return length;
}

/**
 * The payload behind SOCKS 5's datagram header (RFC 1928 section 7): its offset, with the target in `target`; -1 where there
 * is no such header, or where it is a fragment of several. Other datagrams may begin alike: what follows must decide.
 */
export function unwrapDatagram(bytes: Uint8Array, start: number, end: number, target: ProxyTarget): number {
  target.clear();
  if (end - start < 10 || bytes[start] !== 0 || bytes[start + 1] !== 0 || bytes[start + 2] !== 0) return -1;
  const inner = socks5Endpoint(bytes, start + 3, end, target);
  if (inner < 0) return -1;
  target.kind = SOCKS5;
  target.command = TO_RELAY;
  target.openerInner = target.responderInner = inner - start;
  return inner;
}

/** Offset of the NUL that ends the text at `at`, `end` where it has not come, -1 where it is no text or too long. */
function textEnd(bytes: Uint8Array, at: number, end: number): number {
  const stop = Math.min(end, at + TEXT_MOST + 1);
  while (at < stop && bytes[at] !== 0) {
    if (bytes[at]! < 0x20) return -1;
    at++;
  }
  return at < stop || at === end ? at : -1;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}
