/**
 * A hub of the old Direct Connect text protocol (NMDC), for live tests: `nmdc_hub.ts PORT`. It logs users in, tells them of
 * each other, and passes on searches, their results and calls to connect. Packages hold hubs of ADC only.
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";

interface User {
  readonly socket: Socket;
  nick: string;
  info: string;
}

function serve(port: number): void {
  const users = new Set<User>();
  const send = (user: User, ...commands: readonly string[]) => {
    user.socket.write(Buffer.from(commands.map((command) => `${command}|`).join(""), "latin1"));
  };
  const named = (nick: string) => [...users].find((user) => user.nick === nick);
  const handle = (user: User, command: string) => {
    const [word = "", first = ""] = command.split(" ");
    switch (word) {
      case "$ValidateNick":
        user.nick = first;
        send(user, "$Supports NoGetINFO NoHello UserIP2 TTHSearch", "$HubName test", `$Hello ${first}`);
        break;
      case "$GetNickList":
        send(
          user,
          `$NickList ${[...users].map(({ nick }) => nick).filter((nick) => nick !== "").join("$$")}$$`,
          "$OpList ",
        );
        for (const other of users) if (other.info !== "") send(user, other.info);
        break;
      case "$MyINFO":
        user.info = command;
        for (const other of users) send(other, command);
        break;
      case "$Search":
        for (const other of users) if (other !== user) send(other, command);
        break;
      case "$ConnectToMe": {
        const other = named(first);
        if (other !== undefined) send(other, command);
        break;
      }
      case "$RevConnectToMe": {
        const other = named(command.split(" ")[2] ?? "");
        if (other !== undefined) send(other, command);
        break;
      }
      case "$SR": {
        // The last field names who asked, and is not passed on.
        const at = command.lastIndexOf("\x05");
        const other = named(command.slice(at + 1));
        if (other !== undefined) send(other, command.slice(0, at));
        break;
      }
    }
  };
  createServer((socket) => {
    const user: User = { socket, nick: "", info: "" };
    users.add(user);
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const commands = text.split("|");
      text = commands.pop()!;
      for (const command of commands) handle(user, command);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => users.delete(user));
    send(user, "$Lock EXTENDEDPROTOCOL_test_hub_for_ftwall Pk=ftwall");
  }).listen(port, "0.0.0.0", () => Deno.stdout.writeSync(new TextEncoder().encode("ready\n")));
}

if (import.meta.main) serve(Number(Deno.args[0]));
