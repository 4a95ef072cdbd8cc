import { resilio } from "../../lib/protocol/resilio/mod.ts";
import { NOT_RESILIO, RESILIO } from "./rare.ts";
import { table } from "./table.ts";

table(resilio, RESILIO, NOT_RESILIO);
