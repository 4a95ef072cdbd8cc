import { openft } from "../../lib/protocol/openft/mod.ts";
import { NOT_OPENFT, OPENFT } from "./rare.ts";
import { table } from "./table.ts";

table(openft, OPENFT, NOT_OPENFT);
