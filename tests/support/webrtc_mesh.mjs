/**
 * Data channels of WebRTC (node-datachannel, in FTWALL_NPM) between one side and several others. Candidates and descriptions
 * go by files of a folder, as if by a server that nobody sees.
 *
 * `node webrtc_mesh.mjs call|answer FOLDER ADDRESS NUMBER SECONDS`; one process answers at one address. Prints JSON lines:
 * `{"open":n}` and at the end `{"received":…}`.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";

const tell = (fields) => process.stdout.write(JSON.stringify(fields) + "\n");

const [role, folder, address, number, seconds] = process.argv.slice(2);
const { PeerConnection } = await import(
  `${process.env.FTWALL_NPM}/node_modules/node-datachannel/dist/esm/lib/index.mjs`
);
const mine = `${folder}/${role}-${number}`;
const theirs = `${folder}/${role === "call" ? "answer" : "call"}-${number}`;
const peer = new PeerConnection(`${role}${number}`, { iceServers: [], bindAddress: address });
const candidates = [];
let description = null;
const write = () => {
  if (description === null) return;
  writeFileSync(`${mine}.part`, JSON.stringify({ description, candidates }));
  renameSync(`${mine}.part`, mine);
};
peer.onLocalDescription((sdp, type) => {
  description = { sdp, type };
  write();
});
peer.onLocalCandidate((candidate, mid) => {
  candidates.push({ candidate, mid });
  write();
});
let received = 0;
const use = (channel) => {
  channel.onOpen(() => tell({ open: number }));
  channel.onMessage(() => received++);
  setInterval(() => channel.isOpen() && channel.sendMessage("x".repeat(900)), 200);
};
peer.onDataChannel(use);
if (role === "call") use(peer.createDataChannel("talk"));
let taken = 0;
let set = false;
setInterval(() => {
  if (!existsSync(theirs)) return;
  const told = JSON.parse(readFileSync(theirs, "utf8"));
  if (!set) peer.setRemoteDescription(told.description.sdp, told.description.type);
  set = true;
  for (; taken < told.candidates.length; taken++) {
    peer.addRemoteCandidate(told.candidates[taken].candidate, told.candidates[taken].mid);
  }
}, 200);
setTimeout(() => {
  tell({ received });
  process.exit(0);
}, Number(seconds) * 1000);
