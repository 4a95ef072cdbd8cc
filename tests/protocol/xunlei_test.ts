import { xunlei } from "../../lib/protocol/xunlei/mod.ts";
import { NOT_XUNLEI, XUNLEI } from "./rare.ts";
import { table } from "./table.ts";

table(xunlei, XUNLEI, NOT_XUNLEI);
