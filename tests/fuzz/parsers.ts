/**
 * Everything in ftwall that reads what others wrote, each as a {@link Parser}. Imported after the coverage was started.
 * @module
 */
import { ANSWER_SEEDS, HELLO_SEEDS, NETLINK_SEEDS, TEXT_SEEDS } from "./seeds.ts";
import { COLLECTION } from "../protocol/collection.ts";
import { STRANGERS } from "../protocol/strangers.ts";
import { DEFAULTS } from "../support/story.ts";
import { MemoryInput } from "../support/memory_input.ts";
import { dictionary } from "./mutation.ts";
import type { Input, Parser } from "./fuzzer.ts";
import { FLOW_PARSERS } from "./flows.ts";
import { readNeighbours } from "../../ffi/neighbours.ts";
import { Entry } from "../../ffi/ctnetlink.ts";
import { netlinkInode, parseQueueStates } from "../../ffi/queue_state.ts";
import { ownChain, rulesWent } from "../../ffi/ruleset_news.ts";
import { readRecord } from "../../lib/history/record.ts";
import { hostName, LeaseReader } from "../../lib/names/lease_reader.ts";
import { parseAddress, parseMac, parsePrefix } from "../../lib/net/address.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { readCapture } from "../../lib/replay/capture.ts";
import { Link } from "../../lib/replay/link.ts";
import { CaptureError, WINDOW } from "../../lib/replay/source.ts";
import { readRequest, RefusedRequest } from "../../lib/report/control_protocol.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { StateReader } from "../../lib/state/state_reader.ts";
import { Bencode, DICTIONARY } from "../../lib/wire/bencode.ts";
import { DnsMessage, NameSet } from "../../lib/wire/dns.ts";
import { DnsName } from "../../lib/wire/dns_name.ts";
import { HostText } from "../../lib/wire/host_text.ts";
import { HttpHead, percentDecode } from "../../lib/wire/http.ts";
import { QueueMessage } from "../../lib/wire/nfqueue.ts";
import { OK } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { isSigned } from "../../lib/wire/transport.ts";
import { PortMapping } from "../../lib/wire/port_mapping.ts";
import { ProxyTarget, unwrap, unwrapDatagram } from "../../lib/wire/proxy.ts";
import { readServerName } from "../../lib/wire/tls.ts";
import { offersAlpn } from "../../lib/wire/tls_alpn.ts";

const root = new URL("../../", import.meta.url);
const wordsOf = (...paths: readonly string[]) =>
  dictionary(paths.map((path) => Deno.readTextFileSync(new URL(path, root))));

/** Payloads of all samples. */
const PAYLOADS: readonly Uint8Array[] = [
  ...COLLECTION.flatMap(({ samples }) => [...samples.recognised, ...samples.nearMisses, ...samples.names ?? []]),
  ...STRANGERS,
].flatMap(({ turns }) => turns.map(([, bytes]) => bytes));
const beginning = (...texts: readonly string[]) =>
  PAYLOADS.filter((bytes) =>
    texts.some((text) => new TextDecoder("latin1").decode(bytes.subarray(0, 16)).startsWith(text))
  );
const few = <T>(all: readonly T[], most: number) => all.filter((_, at) => at % Math.ceil(all.length / most) === 0);

function parser(name: string, longest: number, rest: Partial<Parser> & Pick<Parser, "run" | "seeds">): Parser {
  return { name, longest, unit: "inputs", words: [], ...rest };
}

function dns(): Parser {
  const message = new DnsMessage();
  const names = NameSet.from(["*.winmx.com", ".example.org", "www.example.net"]);
  let sum = 0;
  return parser("dns", 4096, {
    seeds: [
      ...ANSWER_SEEDS,
      ...few(PAYLOADS.filter((bytes) => message.read(bytes, viewOf(bytes), 0, bytes.length)), 60),
    ],
    words: wordsOf("lib/wire/dns.ts", "lib/wire/dns_name.ts"),
    outcome: () => sum,
    run({ bytes, view, start, end }) {
      sum = message.read(bytes, view, start, end) ? 1 : 0;
      sum += names.match(message.question.bytes, message.question.length);
      while (message.next()) {
        sum = (Math.imul(sum, 31) + message.type + message.ttl + message.rdata + message.owner.length) | 0;
        while (message.nextAddress()) sum = (sum + message.a0 + message.a3) | 0;
        if (message.readTarget()) sum += names.match(message.target.bytes, message.target.length);
      }
      sum += message.question.text().length + message.fault;
      return 1;
    },
  });
}

function http(): Parser {
  const head = new HttpHead();
  const into = new Uint8Array(64);
  let sum = 0;
  return parser("http", 4096, {
    seeds: beginning("GET", "POST", "HTTP", "CONNECT", "GIV", "HEAD", "GNUTELLA"),
    words: wordsOf("lib/wire/http.ts", "lib/protocol/gnutella/tcp.ts", "lib/protocol/bittorrent/http_tracker.ts"),
    outcome: () => sum,
    run({ bytes, start, end }) {
      sum = head.read(bytes, start, end) + head.status + head.version;
      while (head.next()) sum = (Math.imul(sum, 31) + head.value + head.valueEnd) | 0;
      sum += head.findBody() + (head.find("content-length") ? 1 : 0) + (head.find("host") ? 2 : 0);
      if (head.parameter("info_hash")) sum += percentDecode(bytes, head.value, head.valueEnd, into) + into[0]!;
      return 1;
    },
  });
}

function bencode(): Parser {
  const reader = new Bencode();
  let sum = 0;
  return parser("bencode", 6000, {
    seeds: beginning("d", "l", "i", "4:"),
    words: wordsOf("lib/wire/bencode.ts", "lib/protocol/bittorrent/krpc.ts"),
    outcome: () => sum,
    run({ bytes, start, end }) {
      sum = reader.read(bytes, start, end, end - start + (end - start) % 3) + reader.stop + reader.count;
      for (let entry = 0; entry < reader.count; entry++) {
        sum = (Math.imul(sum, 31) + reader.at(entry) + reader.length(entry) + (reader.integer(entry) | 0)) | 0;
        if (reader.openList(entry)) {
          while (reader.nextItem()) sum = (sum + reader.item + reader.itemLength + (reader.itemInteger | 0)) | 0;
        }
        if (reader.typeOf(entry) === DICTIONARY) sum += reader.stringLength(entry, "id");
      }
      return 1;
    },
  });
}

function tls(): Parser {
  const name = new DnsName();
  const offers = [Uint8Array.of(0x61, 0x64, 0x63), Uint8Array.of(0x6e, 0x6d, 0x64, 0x63)];
  let sum = 0;
  return parser("tls", 6000, {
    seeds: [...HELLO_SEEDS, ...beginning("\x16\x03")],
    outcome: () => sum,
    run({ bytes, start, end }) {
      sum = readServerName(bytes, start, end, name) * 4 + offersAlpn(bytes, start, end, offers) + name.length * 16;
      return 1;
    },
  });
}

function mapping(): Parser {
  const request = new PortMapping();
  let sum = 0;
  return parser("mapping", 4096, {
    seeds: TEXT_SEEDS.mappings,
    words: wordsOf("lib/wire/port_mapping.ts"),
    outcome: () => sum,
    run({ bytes, view, start, end }) {
      sum = request.readRequest(bytes, start, end) + request.port + request.machine + request.descriptionEnd;
      if (request.readDatagram(bytes, view, start, end)) {
        sum = (Math.imul(sum, 31) + request.port + request.seconds) | 0;
      }
      return 1;
    },
  });
}

function proxy(): Parser {
  const target = new ProxyTarget();
  let sum = 0;
  return parser("proxy", 2048, {
    seeds: [...beginning("\x04", "\x05", "CONNECT", "HTTP"), ...TEXT_SEEDS.proxy],
    words: wordsOf("lib/wire/proxy.ts", "lib/wire/host_text.ts"),
    outcome: () => sum,
    run({ bytes, start, end }) {
      // The first byte says where the opener's words end and the answer begins.
      const length = end - start - 1;
      const turn = start + 1 + (length <= 0 ? 0 : Math.floor(length * bytes[start]! / 255));
      sum = length < 0 ? 0 : unwrap(bytes, start + 1, turn, bytes, turn, end, target);
      sum = (Math.imul(sum, 31) + target.port + target.w3 + target.openerInner + target.responderInner) | 0;
      sum = (Math.imul(sum, 31) + unwrapDatagram(bytes, start, end, target) + target.port) | 0;
      return 1;
    },
  });
}

function host(): Parser {
  const text = new HostText();
  let sum = 0;
  return parser("host", 300, {
    seeds: TEXT_SEEDS.addresses,
    outcome: () => sum,
    run(input) {
      const { bytes, start, end } = input;
      sum = text.read(bytes, start, end) + text.port + text.w3 + text.readHost(bytes, start, end);
      const word = latinOf(input);
      sum += (parseAddress(word)?.[3] ?? 0) + (parseMac(word)?.[1] ?? 0) + (parsePrefix(word) === null ? 0 : 1);
      sum += hostName(word).length;
      return 1;
    },
  });
}

function netlink(): Parser {
  const message = new QueueMessage();
  const entry = new Entry();
  let sum = 0;
  const visit = (_0: number, _1: number, _2: number, w3: number, high: number, low: number) => {
    sum = (Math.imul(sum, 31) + w3 + high + low) | 0;
  };
  return parser("netlink", 4096, {
    seeds: NETLINK_SEEDS,
    outcome: () => sum,
    run({ bytes, view, start, end }) {
      sum = message.parse(view, start, end) + message.packetId + message.payload + message.payloadEnd + message.mark;
      let at = start;
      for (let count = 0; count < 64; count++) {
        const kind = entry.parse(view, at, end);
        sum = (Math.imul(sum, 31) + kind + entry.mark + entry.tupleLength) | 0;
        if (kind < 0) break;
        at = entry.next;
      }
      const part = new DataView(bytes.buffer, start, end - start);
      sum += Number(readNeighbours(part, end - start, visit)) + Number(ownChain(part, end - start));
      sum += Number(rulesWent(part, end - start));
      return 1;
    },
  });
}

function packets(): Parser {
  const packet = new Packet();
  let sum = 0;
  return parser("headers", 2048, {
    seeds: TEXT_SEEDS.packets,
    unit: "packets",
    outcome: () => sum,
    run({ bytes, view, start, end }) {
      const outcome = packet.decode(bytes, view, start, end, end - start + (end & 3));
      sum = Math.imul(outcome + packet.sport + packet.s3 + packet.payload + packet.length, 31) | 0;
      if (outcome !== OK) return 1;
      if (packet.payload < start || packet.payloadEnd > end || packet.payload > packet.payloadEnd) {
        throw new Error(`Payload ${packet.payload} … ${packet.payloadEnd} of a packet ${start} … ${end}`);
      }
      if (packet.transport === 6 && isSigned(packet)) sum++;
      return 1;
    },
  });
}

function capture(): Parser {
  const link = new Link();
  const packet = new Packet();
  const buffer = new Uint8Array(WINDOW);
  return parser("capture", 8192, {
    seeds: TEXT_SEEDS.captures,
    words: wordsOf("lib/replay/pcap.ts", "lib/replay/pcapng.ts", "lib/replay/link.ts"),
    run({ bytes, start, end }) {
      try {
        using source = readCapture(new MemoryInput(bytes.subarray(start, end)), "fuzz", buffer);
        for (let count = 0; source.next(); count++) {
          if (source.start > source.end || source.end > source.bytes.length || source.wireLength < 0 || count > 8192) {
            throw new Error(`Packet ${count}: ${source.start} … ${source.end}, ${source.wireLength} long`);
          }
          const { view } = source;
          const at = link.decode(source.bytes, view, source.start, source.end, source.linkType);
          if (at >= 0) packet.decode(source.bytes, view, at, source.end, source.wireLength - (at - source.start));
        }
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
      }
      return 1;
    },
  });
}

/** Those of text: config, state file, leases, requests, history, what the kernel says in /proc. */
function texts(): Parser[] {
  const protocols = DEFAULTS.map(({ name }) => name);
  const context = {
    ...{ protocols, storedProtocol: 0, now: 1000, wallOffset: Date.parse("2026-05-04T10:00:00Z") },
    ...{ pattern: () => "*.winmx.com", patternNumber: (text: string) => text === "*.winmx.com" ? 0 : -1 },
    ...{ isExempt: () => false, isHome: (words: readonly number[]) => words[3]! >>> 24 === 10 },
  };
  const state = new State(capacityFor(1 << 18), 7);
  return [
    parser("config", 4096, {
      // The words of some 200 problems at most are compared with all that are known.
      steps: 100_000,
      seeds: TEXT_SEEDS.configs,
      words: wordsOf("lib/policy/schema.ts", "lib/policy/toml.ts"),
      run(input) {
        const { config, problems } = parseConfig(textOf(input), "fuzz", DEFAULTS);
        if (config === null && problems.length === 0) throw new Error("Refused without a problem");
        return 1;
      },
    }),
    parser("state", 4096, {
      seeds: TEXT_SEEDS.states,
      words: wordsOf("lib/state/state_reader.ts", "lib/state/state_file.ts"),
      run(input) {
        const reader = new StateReader(state, context);
        const text = textOf(input);
        const half = text.length >> 1;
        reader.push(text.slice(0, half));
        reader.push(text.slice(half));
        reader.end();
        return 1;
      },
    }),
    parser("leases", 2048, {
      seeds: TEXT_SEEDS.leases,
      words: wordsOf("lib/names/lease_reader.ts"),
      run(input) {
        const reader = new LeaseReader(1_700_000_000_000, () => {}, () => {});
        for (const line of textOf(input).split("\n")) reader.line(line);
        return 1;
      },
    }),
    parser("control", 2048, {
      seeds: TEXT_SEEDS.requests,
      words: wordsOf("lib/report/control_protocol.ts"),
      run(input) {
        try {
          readRequest(textOf(input));
        } catch (error) {
          if (!(error instanceof RefusedRequest)) throw error;
        }
        return 1;
      },
    }),
    parser("history", 2048, {
      seeds: TEXT_SEEDS.records,
      words: wordsOf("lib/history/record.ts"),
      run: (input) => (readRecord(textOf(input)), 1),
    }),
    parser("proc", 2048, {
      seeds: TEXT_SEEDS.proc,
      run: (input) => (parseQueueStates(textOf(input)), netlinkInode(textOf(input), 4711), 1),
    }),
  ];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const utf8 = new TextDecoder();
const latin1 = new TextDecoder("latin1");
const textOf = ({ bytes, start, end }: Input) => utf8.decode(bytes.subarray(start, end));
const latinOf = ({ bytes, start, end }: Input) => latin1.decode(bytes.subarray(start, end));

/** All of them. */
export const PARSERS: readonly Parser[] = [
  ...[dns(), http(), bencode(), tls(), mapping(), proxy(), host(), netlink(), packets(), capture()],
  ...texts(),
  ...FLOW_PARSERS,
];
