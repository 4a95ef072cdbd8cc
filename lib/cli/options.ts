/**
 * Options and arguments that several commands share, and how their values are read.
 * @module
 */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { errorText } from "../net/error_text.ts";
import { DEFAULT_CONTROL } from "../report/control_protocol.ts";
import { readPath } from "./read.ts";

/** Makes `--config PATH`. */
export function configOption(): Option<"-c, --config <path>"> {
  return new Option(
    "-c, --config <path>",
    "config file; the default is /etc/ftwall/ftwall.toml, or built-in defaults where that is absent",
  );
}

/** Makes `--control PATH`. */
export function controlOption(): Option<"--control <path>", undefined, string> {
  return new Option("--control <path>", "control socket of the daemon")
    .default(DEFAULT_CONTROL)
    .argParser(reading(readPath));
}

/** Makes `--json`. */
export function jsonOption(): Option<"--json"> {
  return new Option("--json", "print JSON for programs");
}

/** Makes a reader of ours one whose complaint the library passes on to the user. */
export function reading<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      throw new InvalidArgumentError(errorText(error));
    }
  };
}
