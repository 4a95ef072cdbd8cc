import { libp2p } from "../../lib/protocol/libp2p/mod.ts";
import { LIBP2P, NOT_LIBP2P } from "./rare.ts";
import { table } from "./table.ts";

table(libp2p, LIBP2P, NOT_LIBP2P);
