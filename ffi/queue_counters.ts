/**
 * What a queue counts of itself.
 * @module
 */

/** What one queue has seen. All count from the queue's opening. */
export interface QueueCounters {
  /** Packets received. */
  packets: number;
  /** Verdicts handed over: equals `packets` after each burst. */
  answered: number;
  /** Messages to the kernel that carried them: a run of equal verdicts takes one. */
  messages: number;
  /** Bursts received. */
  bursts: number;
  /** Packets that the kernel could not hand over because the receive buffer was full (gaps in the packet numbers, known with the next packet). */
  missed: number;
  /** Times that the kernel reported an overflow (ENOBUFS); 0 where it grants NETLINK_NO_ENOBUFS. */
  overruns: number;
  /** Messages that did not fit their room, or whose attributes were broken. */
  truncated: number;
  /** Messages without a packet number: they cannot be answered. */
  malformed: number;
  /** Verdicts for packets that the kernel no longer had (ENOENT). */
  missing: number;
  /** Verdicts refused for another reason. */
  rejected: number;
  /** Sends that failed; their verdicts were sent again later. */
  sendFailures: number;
  /** Receives that failed for a reason other than an empty or overflowing buffer. */
  receiveFailures: number;
  /** Calls that a signal interrupted. */
  interrupted: number;
  /** Verdicts for which there was no packet: a fault of the caller, left out. */
  surplus: number;
  /** Last unexpected error number; 0 where there was none. */
  lastErrno: number;
}

/** All zero. */
export function noCounters(): QueueCounters {
  return {
    packets: 0,
    answered: 0,
    messages: 0,
    bursts: 0,
    missed: 0,
    overruns: 0,
    truncated: 0,
    malformed: 0,
    missing: 0,
    rejected: 0,
    sendFailures: 0,
    receiveFailures: 0,
    interrupted: 0,
    surplus: 0,
    lastErrno: 0,
  };
}
