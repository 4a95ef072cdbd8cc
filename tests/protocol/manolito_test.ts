import { manolito } from "../../lib/protocol/manolito/mod.ts";
import { MANOLITO, NOT_MANOLITO } from "./rare.ts";
import { table } from "./table.ts";

table(manolito, MANOLITO, NOT_MANOLITO);
