import { ares } from "../../lib/protocol/ares/mod.ts";
import { ARES, NOT_ARES } from "./rare.ts";
import { table } from "./table.ts";

table(ares, ARES, NOT_ARES);
