/**
 * How a protocol is asked for: questions that ftwall puts to a port of a suspected client, and how the answer proves what
 * listens there. They are all that ftwall says of its own accord besides the probe of a time-lock.
 * @module
 */
import type { Evidence } from "./classifier.ts";

/** A datagram that only programs of one protocol answer in its structure. */
export interface Question {
  /** What an answer is evidence of. */
  readonly evidence: Evidence;
  /** The datagram. The answer has to echo `nonce`: 32 bits that nobody else knows. */
  readonly ask: (this: void, nonce: number) => Uint8Array;
  /** Whether `bytes[start … end)` answers it; `port` is the one that asked. */
  readonly answers: (
    this: void,
    bytes: Uint8Array,
    start: number,
    end: number,
    nonce: number,
    port: number,
  ) => boolean;
  /** The datagram that ends what the answer at `bytes[start …)` began; absent where nothing stays open. */
  readonly close?: (this: void, bytes: Uint8Array, start: number, nonce: number) => Uint8Array;
}

/** What is said next in a call, and how long what comes in answer is waited for. */
export interface Step {
  /** What is sent. */
  readonly send: Uint8Array;
  /** Milliseconds in which all that comes is gathered. */
  readonly wait: number;
  /** True to stop waiting a moment after something came, or the other side ended the connection. */
  readonly eager: boolean;
}

/** What came after a step. */
export interface Heard {
  /** What the other side sent. */
  readonly bytes: Uint8Array;
  /** The other side ended the connection. */
  readonly ended: boolean;
}

/** A conversation over TCP with a listening port. */
export interface Call {
  /** What it is evidence of, where it answers true. */
  readonly evidence: Evidence;
  /** The conversation, step by step; true where it proves the protocol. Whatever it answers, the connection is then closed. */
  readonly talk: (this: void) => AsyncGenerator<Step, boolean, Heard>;
}
