import assert from "node:assert/strict";
import fc from "fast-check";
import { FOREVER, MAPPING, MAPPING_CUT, PortMapping } from "../../lib/wire/port_mapping.ts";
import { latin } from "../support/conversation.ts";
import { readBytes } from "../support/bytes.ts";

const NOTHING = 0;
const request = new PortMapping();
let bytes: Uint8Array = new Uint8Array(0);

const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** What was asked for, in one line. */
function told(): string {
  const { by, tcp, port, seconds, description, descriptionEnd, machine, machineEnd } = request;
  const lasting = seconds === FOREVER ? "for ever" : `${seconds}s`;
  return `${by} ${tcp ? "tcp" : "udp"} ${port} ${lasting} "${text(description, descriptionEnd)}" ${
    text(machine, machineEnd)
  }`.trim();
}

/** A datagram, with bytes around it that must not count. */
function datagram(written: string): string {
  const payload = readBytes(written);
  bytes = new Uint8Array(payload.length + 16).fill(2);
  bytes.set(payload, 8);
  const found = request.readDatagram(bytes, new DataView(bytes.buffer), 8, 8 + payload.length);
  return found ? told() : "nothing";
}

function stream(written: string): string {
  bytes = latin(`xx${written}<NewLeaseDuration>9</NewLeaseDuration>`);
  const outcome = request.readRequest(bytes, 2, 2 + written.length);
  return outcome === MAPPING ? told() : outcome === MAPPING_CUT ? "cut" : "nothing";
}

Deno.test("NAT-PMP asks for a port, gives it back, and asks for other things", () => {
  assert.equal(datagram("00 01 0000 1388 1388 00000e10"), 'nat-pmp udp 5000 3600s ""');
  assert.equal(datagram("00 02 0000 c8d5 0000 00000000"), 'nat-pmp tcp 51413 0s ""');
  assert.equal(datagram("00 02 0000 c8d5 0000 ffffffff"), 'nat-pmp tcp 51413 for ever ""');
  for (
    const other of [
      "00 00", // the router's address
      "00 82 0000 00000001 c8d5 c8d5 00000e10", // an answer
      "00 02 0000 0000 0000 00000e10", // all ports: RFC 6886 has them ended so
      "00 03 0000 c8d5 c8d5 00000e10",
      "00 02 0000 c8d5 c8d5 00000e",
      "01 02 0000 c8d5 c8d5 00000e10",
    ]
  ) assert.equal(datagram(other), "nothing", other);
});

Deno.test("PCP asks by MAP, for the sender's own port only", () => {
  const head = "02 01 0000 00001c20 00*10 ffff 0a000005";
  const map = "noise*12 06 000000 c8d5 c8d5 00*16";
  assert.equal(datagram(`${head} ${map}`), 'pcp tcp 51413 7200s ""');
  assert.equal(datagram(`${head} noise*12 11 000000 c8d5 c8d5 00*16`), 'pcp udp 51413 7200s ""');
  assert.equal(datagram(`${head} ${map} 02 00 0000`), 'pcp tcp 51413 7200s ""', "an option of its own");
  for (
    const other of [
      `02 02 0000 00001c20 00*10 ffff 0a000005 ${map}`, // PEER
      `02 81 0000 00001c20 00*10 ffff 0a000005 ${map}`, // an answer
      `${head} ${map} 01 00 0010 00*10 ffff 0a000009`, // for a third party
      `${head} ${map} 02 00 0001 00 000000 01 00 0010 00*10 ffff 0a000009`, // the same behind another option
      `${head} noise*12 84 000000 c8d5 c8d5 00*16`, // SCTP
      `${head} noise*12 06 000000 c8d5 c8d5 00*15`,
      `${head} ${map} 00*1060`,
    ]
  ) assert.equal(datagram(other), "nothing", other);
});

const BODY = "<u:AddPortMapping><NewRemoteHost></NewRemoteHost><NewExternalPort>1</NewExternalPort>" +
  "<NewProtocol>TCP</NewProtocol><NewInternalPort>51413</NewInternalPort><NewInternalClient>10.0.0.5" +
  "</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>A game" +
  "</NewPortMappingDescription><NewLeaseDuration>3600</NewLeaseDuration></u:AddPortMapping>";
const post = (action: string, body: string, more = "") =>
  `POST /ctl HTTP/1.1\r\nHost: 10.0.0.1:5000\r\n${more}SOAPAction: ${action}\r\n\r\n${body}`;
const ADD = '"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"';

Deno.test("UPnP asks by SOAP, whatever the spelling of its parts", () => {
  const asked = 'upnp tcp 51413 3600s "A game" 10.0.0.5';
  assert.equal(stream(post(ADD, BODY)), asked);
  assert.equal(stream(post(ADD.toLowerCase(), BODY)), asked);
  assert.equal(stream(post("urn:schemas-upnp-org:service:WANPPPConnection:2#AddAnyPortMapping", BODY)), asked);
  assert.equal(stream(post(ADD, BODY.replaceAll(/<(New\w+)>/g, '<$1 xmlns:dt="a" dt:dt="string">'))), asked);
  assert.equal(
    stream(post(ADD, BODY.replace("TCP", "udp").replace("3600", "0"))),
    'upnp udp 51413 for ever "A game" 10.0.0.5',
  );
  assert.equal(stream(post(ADD, BODY.replace("3600", "x"))), 'upnp tcp 51413 for ever "A game" 10.0.0.5');
  const last = BODY.indexOf("<NewLease");
  assert.equal(
    stream(post(ADD, BODY.slice(0, last), `Content-Length: ${last}\r\n`)),
    asked.replace("3600s", "for ever"),
  );
  const ending = "<NewExternalPort>51413</NewExternalPort><NewProtocol>TCP</NewProtocol>";
  assert.equal(stream(post(ADD.replace("Add", "Delete"), ending)), 'upnp tcp 51413 0s ""');
  assert.equal(
    stream(post(ADD, BODY.replace("A game", "x".repeat(200)))),
    `upnp tcp 51413 3600s "${"x".repeat(96)}" 10.0.0.5`,
  );
});

Deno.test("a request that has not come whole is waited for, byte by byte", () => {
  const whole = post(ADD, BODY);
  const enough = whole.indexOf("</NewLeaseDuration>") + 1;
  for (let size = 1; size < enough; size++) assert.equal(stream(whole.slice(0, size)), "cut", `${size}`);
  assert.notEqual(stream(whole.slice(0, enough)), "cut");
});

Deno.test("other requests to a router are nothing", () => {
  for (
    const other of [
      `GET /ctl HTTP/1.1\r\nSOAPAction: ${ADD}\r\n\r\n${BODY}`,
      `POST /ctl HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n${BODY}`, // what a web page can have a browser send
      post('"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress"', BODY),
      post('"urn:schemas-upnp-org:service:ContentDirectory:1#AddPortMapping"', BODY),
      post(ADD.replace("Mapping", "Mappings"), BODY),
      post(ADD, BODY.replace("TCP", "SCTP")),
      post(ADD, BODY.replace("51413", "0")),
      post(ADD, BODY.replace("51413", "65536")),
      post(ADD, BODY.replace("51413", "99999999999")),
      post(ADD, BODY.replaceAll("NewInternalPort", "Other")),
    ]
  ) assert.equal(stream(other), "nothing", other);
});

Deno.test("no bytes break the reader, nor what it answers", () => {
  const parts = post(ADD, BODY).split(/(?=[<>\r])/);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 1200 }),
    fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 5 })), { maxLength: 60 }).map((list) =>
      latin(list.join(""))
    ),
  );
  fc.assert(fc.property(hostile, (made) => {
    bytes = made;
    const outcome = request.readRequest(bytes, 0, bytes.length);
    const found = request.readDatagram(bytes, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
    assert.ok(outcome >= NOTHING && outcome <= MAPPING);
    if (outcome !== MAPPING && !found) return;
    assert.ok(request.port > 0 && request.port <= 0xffff && request.seconds >= 0 && request.seconds <= FOREVER);
  }));
});
