/**
 * A WebTorrent client for live tests, driven by one JSON argument; its modules are in FTWALL_NPM.
 *
 * {"source": path | magnet, "dir": folder, "port": n, "seed": bool, "secure": bool, "utp": bool, "dht": bool,
 *  "rate": bytes a second, "peers": [[host, port], …], "wss": bool}
 *
 * Every half second it prints a JSON line: payload bytes received and sent, peers.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

const tell = (fields) => process.stdout.write(JSON.stringify(fields) + "\n");

const wanted = JSON.parse(process.argv[2]);
const { default: WebTorrent } = await import(`${process.env.FTWALL_NPM}/node_modules/webtorrent/index.js`);
const rate = wanted.rate ?? -1;
const client = new WebTorrent({
  torrentPort: wanted.port,
  dht: wanted.dht,
  lsd: false,
  natUpnp: false,
  natPmp: false,
  utp: wanted.utp,
  secure: wanted.secure,
  downloadLimit: rate,
  uploadLimit: rate,
});
client.on("error", (error) => tell({ error: error.message }));
const source = wanted.source.startsWith("magnet:") ? wanted.source : readFileSync(wanted.source);
const torrent = client.add(source, { path: wanted.dir, skipVerify: wanted.seed });
torrent.on("warning", (error) => tell({ warning: error.message }));
const connect = () => {
  for (const [host, port] of wanted.peers ?? []) torrent.addPeer(`${host}:${port}`);
};
torrent.on("infoHash", connect);
setInterval(() => {
  tell({ received: torrent.downloaded, sent: torrent.uploaded, peers: torrent.numPeers });
  if (process.ppid === 1) process.exit(0);
}, 500);
// What a user would do who typed in a peer: try again.
setInterval(() => torrent.numPeers === 0 && connect(), 5000);
