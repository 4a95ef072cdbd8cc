/**
 * eDonkey 2000, eMule and its extensions, Kad: one network to its users, one key in the config.
 * @module
 */
import { HELLO_CALL } from "./hello_call.ts";
import { QUESTIONS } from "./questions.ts";
import type { Classifier, Evidence, Look } from "../classifier.ts";
import { OBFUSCATED_LENGTHS } from "./message_lengths.ts";
import { classifyEdonkeyTcp } from "./tcp.ts";
import { classifyEdonkeyUdp } from "./udp.ts";

/** Recognises eDonkey servers and clients over TCP, and servers, clients and Kad over UDP. */
export const edonkey: Classifier = {
  name: "edonkey",
  title: "eDonkey, eMule and Kad",
  questions: QUESTIONS,
  call: HELLO_CALL,
  mappings: ["eMule", "aMule", "MLDonkey"],
  tcp: true,
  udp: true,
  // Kad's ping, and the answers to a re-ask.
  least: 2,
  // Every byte, for obfuscated Kad: plain packets begin with C5, D4, E3, E4 or E5.
  first: "any",
  midstream: true,
  lengths: OBFUSCATED_LENGTHS,
  classify(look: Look): Evidence {
    return look.tcp ? classifyEdonkeyTcp(look) : classifyEdonkeyUdp(look);
  },
};
