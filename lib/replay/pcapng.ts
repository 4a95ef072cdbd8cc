/**
 * Reads the block format (draft-ietf-opsawg-pcapng): sections in either byte order, interfaces, packets of three kinds;
 * other blocks are skipped.
 * @module
 */
import { type ByteWindow, CaptureError, Frames, LARGEST_RECORD } from "./source.ts";

/** Type of a section header block, the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;
/** Interfaces of one section; a file with more was made to fill memory. */
const MOST_INTERFACES = 4096;
/** Longest block: options behind a packet (comments, hashes) may be as long as the packet. */
const LARGEST_BLOCK = 2 * LARGEST_RECORD;

/** Reads packets block by block. */
export class PcapngSource extends Frames {
  /** Sections skipped so far because their format version is not known. */
  foreignSections = 0;
  readonly #window: ByteWindow;
  readonly #file: string;
  #little = false;
  #first = true;
  /** The section is of a version that is not known. */
  #foreign = false;
  /** Of the section's interfaces: link type, snapshot length, ticks in a millisecond, milliseconds to add. */
  #links: number[] = [];
  #snaps: number[] = [];
  #ticks: number[] = [];
  #offsets: number[] = [];

  /** Reads the first section header; throws a CaptureError where it is not one. `file` is for messages. */
  constructor(window: ByteWindow, file: string) {
    super(window);
    this.#window = window;
    this.#file = file;
    if (!window.need(12)) this.#fail("the file ends within its first block");
    if (this.view.getUint32(window.at) !== SECTION_HEADER) this.#fail("this is not the header of a pcapng file");
    this.#section();
  }

  /** Goes to the next packet, see {@link Source}. */
  override next(): boolean {
    const window = this.#window;
    const view = this.view;
    for (;;) {
      if (!window.need(12)) {
        if (!window.need(1)) return false;
        this.#fail("the file ends within a block header");
      }
      const type = view.getUint32(window.at, this.#little);
      if (type === SECTION_HEADER) {
        this.#section();
        continue;
      }
      const size = this.#size(12);
      const known = !this.#foreign;
      if (known && (type === ENHANCED_PACKET || type === SIMPLE_PACKET || type === OLD_PACKET)) {
        this.#whole(size);
        this.#packet(type, size);
        window.at += size;
        return true;
      }
      if (known && type === INTERFACE_DESCRIPTION) {
        this.#whole(size);
        this.#describe(size);
        window.at += size;
      } else {
        const offset = window.offset;
        if (!window.skip(size)) {
          throw new CaptureError(this.#file, offset, "the file ends within a block that was to be skipped");
        }
      }
    }
  }

  /** Length of the block at hand. */
  #size(least: number): number {
    const size = this.view.getUint32(this.#window.at + 4, this.#little);
    // Some writers do not count the padding; there is no way to find the next block then.
    if (size < least || size % 4 !== 0) this.#fail(`a block of ${size} bytes: no multiple of 4 from ${least} on`);
    return size;
  }

  /** Makes sure that the whole block is in the window and ends with its length. */
  #whole(size: number): void {
    const window = this.#window;
    if (size > LARGEST_BLOCK) this.#fail(`a block of ${size} bytes is more than any packet needs`);
    if (!window.need(size)) this.#fail(`the file ends within a block of ${size} bytes`);
    const again = this.view.getUint32(window.at + size - 4, this.#little);
    if (again !== size) this.#fail(`the block begins with a length of ${size} and ends with one of ${again}`);
  }

  #section(): void {
    const window = this.#window;
    if (!window.need(28)) this.#fail("the file ends within a section header");
    const order = this.view.getUint32(window.at + 8);
    if (order === BYTE_ORDER) this.#little = false;
    else if (order === 0x4d3c2b1a) this.#little = true;
    else this.#fail("the section header's byte-order magic is wrong");
    const size = this.#size(28);
    this.#whole(size);
    const major = this.view.getUint16(window.at + 12, this.#little);
    // A first section of an unknown version is refused; a later one is skipped, block by block.
    if (major !== 1 && this.#first) this.#fail(`format version ${major} is not known, only 1 is`);
    this.#foreign = major !== 1;
    if (this.#foreign) this.foreignSections++;
    this.#first = false;
    this.#links = [];
    this.#snaps = [];
    this.#ticks = [];
    this.#offsets = [];
    window.at += size;
  }

  #describe(size: number): void {
    const { view } = this;
    const little = this.#little;
    const at = this.#window.at;
    if (size < 20) this.#fail("an interface description too short for its fields");
    if (this.#links.length === MOST_INTERFACES) this.#fail(`more than ${MOST_INTERFACES} interfaces in one section`);
    let ticks = 1e6;
    let seconds = 0;
    const end = at + size - 4;
    for (let option = at + 16; option + 4 <= end;) {
      const code = view.getUint16(option, little);
      const length = view.getUint16(option + 2, little);
      const value = option + 4;
      if (code === 0) break;
      if (value + length > end) this.#fail("an interface option that goes beyond its block");
      if (code === OPTION_TSRESOL && length === 1) {
        const resolution = this.bytes[value]!;
        ticks = (resolution & 0x80) !== 0 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
      } else if (code === OPTION_TSOFFSET && length === 8) {
        const high = view.getInt32(little ? value + 4 : value, little);
        seconds = high * 0x100000000 + view.getUint32(little ? value : value + 4, little);
      }
      option = value + ((length + 3) & ~3);
    }
    this.#links.push(view.getUint16(at + 8, little));
    this.#snaps.push(view.getUint32(at + 12, little));
    this.#ticks.push(ticks / 1000);
    this.#offsets.push(seconds * 1000);
  }

  #packet(type: number, size: number): void {
    const { view } = this;
    const little = this.#little;
    const at = this.#window.at;
    const head = type === SIMPLE_PACKET ? 12 : 28;
    const room = size - head - 4;
    if (room < 0) this.#fail("a packet block too short for its fields");
    const number = type === ENHANCED_PACKET
      ? view.getUint32(at + 8, little)
      : type === OLD_PACKET
      ? view.getUint16(at + 8, little)
      : 0;
    if (number >= this.#links.length) this.#fail(`a packet of interface ${number}, which was not described`);
    let captured = 0;
    let wire = 0;
    if (type === SIMPLE_PACKET) {
      // Neither time nor captured length: the time stays as it was, the interface's snapshot length bounds the length.
      wire = view.getUint32(at + 8, little);
      const snap = this.#snaps[number]!;
      captured = Math.min(wire, room, snap === 0 ? room : snap);
    } else {
      const ticks = view.getUint32(at + 12, little) * 0x100000000 + view.getUint32(at + 16, little);
      captured = view.getUint32(at + 20, little);
      wire = view.getUint32(at + 24, little);
      if (captured > room) this.#fail(`a packet of ${captured} bytes in a block with room for ${room}`);
      this.milliseconds = ticks / this.#ticks[number]! + this.#offsets[number]!;
    }
    this.interface = number;
    this.linkType = this.#links[number]!;
    this.start = at + head;
    this.end = this.start + captured;
    this.wireLength = wire < captured || wire > 0x7fffffff ? captured : wire;
  }

  #fail(found: string): never {
    throw new CaptureError(this.#file, this.#window.offset, found);
  }

  /** Closes what is open. */
  override [Symbol.dispose](): void {
    this.#window[Symbol.dispose]();
  }
}
