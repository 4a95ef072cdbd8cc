import { winny } from "../../lib/protocol/winny/mod.ts";
import { NOT_WINNY, WINNY } from "./rare.ts";
import { table } from "./table.ts";

table(winny, WINNY, NOT_WINNY);
